"""Days and times as the reader's clock has them."""

import asyncio
import re
from datetime import timedelta

import pytest
from django.test import AsyncClient
from django.utils import timezone

from chatapp.chats.models import Session

FAR = "Etc/GMT-12"  # twelve hours before the site, which is at UTC: what is today here is not today there


@pytest.fixture
def half_a_day_ago(alice):
    """A session of alice's, and whether that was today at UTC; twelve hours further east it is the other way round."""
    session = Session.objects.create(owner=alice, title="Half a day ago")
    then = timezone.now() - timedelta(hours=12)
    Session.objects.filter(pk=session.pk).update(active_at=then, archived_at=None)
    return {True: ["Today"], False: ["Yesterday"]}[then.date() == timezone.now().date()]


def groups(response) -> list[str]:
    return re.findall(r'data-group="([^"]*)"', response.content.decode())


def test_the_list_is_grouped_by_the_days_of_the_reader(browser, half_a_day_ago):
    [elsewhere] = [[name] for name in ("Today", "Yesterday") if [name] != half_a_day_ago]
    assert groups(browser.get("/")) == half_a_day_ago
    for written in (FAR, FAR.replace("/", "%2F")):
        browser.cookies["zone"] = written
        assert groups(browser.get("/")) == elsewhere

    # It should be the reader's zone and not the process's
    browser.cookies["zone"] = "UTC"
    assert groups(browser.get("/")) == half_a_day_ago


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../../etc/passwd", "Europe", "a" * 1000, "%00", "localtime"])
def test_whatever_else_a_cookie_says_it_is_the_zone_of_the_site(browser, half_a_day_ago, zone):
    browser.cookies["zone"] = zone
    assert groups(browser.get("/")) == half_a_day_ago


def test_times_are_the_readers_too(browser, alice):
    Session.objects.create(owner=alice, archived_at="2026-01-31T13:00:00Z")
    assert "31 January 2026" in browser.get("/archive").content.decode()
    browser.cookies["zone"] = "Pacific/Auckland"
    assert "1 February 2026" in browser.get("/archive").content.decode()


@pytest.mark.django_db(transaction=True)
def test_requests_at_the_same_time_keep_their_own(alice):
    Session.objects.create(owner=alice, archived_at="2026-01-31T13:00:00Z")

    async def day(zone: str) -> str:
        client = AsyncClient()
        await client.aforce_login(alice)
        client.cookies["zone"] = zone
        page = (await client.get("/archive")).content.decode()
        return re.search(r"\d+ \w+ 2026", page)[0]

    async def days() -> list[str]:
        return await asyncio.gather(*[day(zone) for zone in ["UTC", "Pacific/Auckland"] * 3])

    assert asyncio.run(days()) == ["31 January 2026", "1 February 2026"] * 3
