"""The list of sessions: its order, its groups, its pages, and what goes on in each."""

import re
from datetime import date, timedelta

import pytest
from django.utils import timezone

from chatapp.chats.models import News, Session
from chatapp.web.shell.sidebar import day_name
from runs.errors import UpstreamUnreachable
from runs.lifecycle import transitions
from runs.states import LostReason

SCRIPT = {"headers": {"X-Requested-With": "fetch"}}


@pytest.fixture
def sessions(alice):
    """`sessions(3)`: alice's, named "chat 0" (the oldest) to "chat 2", a minute apart."""

    def sessions(count: int, **values) -> list[Session]:
        now = timezone.now()
        made = [
            Session(owner=alice, title=f"chat {number}", active_at=now - timedelta(minutes=count - number), **values)
            for number in range(count)
        ]
        Session.objects.bulk_create(made)
        for session in made:  # `auto_now_add` has its own idea
            Session.objects.filter(pk=session.pk).update(active_at=session.active_at)
        return made

    return sessions


def age(session: Session, days: float) -> None:
    Session.objects.filter(pk=session.pk).update(active_at=timezone.now() - timedelta(days=days))


def titles(response) -> list[str]:
    return re.findall(r"data-row-title[^>]*>([^<]*)<", response.content.decode())


def groups(response) -> list[str]:
    return re.findall(r'data-group="([^"]*)"', response.content.decode())


def older(response) -> str:
    found = re.search(r'href="(\?before=[^"]*)"', response.content.decode())
    return found and found[1]


def row_of(browser, session) -> str:
    return re.search(rf'<li data-session="{session.pk}".*?</li>', browser.get("/").content.decode(), re.DOTALL)[0]


def test_the_newest_is_on_top_and_links_lead_through_all_pages_once(browser, sessions):
    sessions(120)
    seen, page = [], browser.get("/")
    seen += titles(page)
    while query := older(page):
        page = browser.get("/" + query)
        seen += titles(page)
    assert seen == [f"chat {number}" for number in reversed(range(120))]
    assert 'href="?">Newest</a>' in page.content.decode()


def test_sessions_of_one_moment_are_neither_lost_nor_doubled_between_pages(browser, alice):
    now = timezone.now()
    Session.objects.bulk_create([Session(owner=alice, title=str(number)) for number in range(70)])
    Session.objects.update(active_at=now)
    first = browser.get("/")
    both = titles(first) + titles(browser.get("/" + older(first)))
    assert sorted(both, key=int) == [str(number) for number in range(70)]


@pytest.mark.parametrize(
    "before",
    ["garbage", "2026-01-01", "_", "2026-13-45T00:00:00+00:00_x", "2026-01-01T00:00:00_" + "0" * 32, "\0", "9" * 5000],
)
def test_a_place_that_is_none_is_the_beginning(browser, sessions, before):
    sessions(2)
    assert titles(browser.get("/", {"before": before})) == ["chat 1", "chat 0"]


def test_sessions_are_grouped_by_day(browser, sessions, settings):
    for session, days in zip(sessions(5), (400, 20, 3, 1, 0), strict=True):
        age(session, days)
    long_ago = timezone.localdate(timezone.now() - timedelta(days=400))
    names = ["Today", "Yesterday", "Previous 7 days", "Previous 30 days", f"{long_ago:%B %Y}"]
    assert groups(browser.get("/")) == names


def test_a_day_has_the_name_people_would_give_it():
    today = date(2026, 3, 1)
    expected = {1: "Yesterday", 2: "Previous 7 days", 6: "Previous 7 days", 7: "Previous 30 days", 30: "January 2026"}
    assert day_name(today, today) == "Today"
    assert {days: day_name(today - timedelta(days=days), today) for days in expected} == expected


def test_what_is_pinned_stands_on_top_until_it_is_taken_down(browser, sessions):
    oldest, *_ = sessions(60)
    browser.post(f"/chats/{oldest.pk}/pin")
    page = browser.get("/")
    assert (groups(page)[0], titles(page)[0]) == ("Pinned", "chat 0")
    assert titles(browser.get("/" + older(page)))[-1] == "chat 1"  # it is not repeated in its old place
    browser.post(f"/chats/{oldest.pk}/pin", {"off": "1"})
    assert "Pinned" not in groups(browser.get("/"))


def test_what_is_put_away_leaves_the_list_and_comes_back(browser, sessions):
    _, away = sessions(2)
    assert browser.post(f"/chats/{away.pk}/archive").url == f"/chats/{away.pk}"
    assert titles(browser.get("/")) == ["chat 0"]
    assert "chat 1" in browser.get("/archive").content.decode()
    assert browser.get(f"/chats/{away.pk}").status_code == 200
    assert browser.post(f"/chats/{away.pk}/archive", {"off": "1", "next": "archive"}).url == "/archive"
    assert titles(browser.get("/")) == ["chat 1", "chat 0"]
    assert "chat 1" not in browser.get("/archive").content.decode().partition("<main")[2]


def test_a_chat_is_not_pinned_and_put_away_at_once(browser, sessions):
    [session] = sessions(1)
    browser.post(f"/chats/{session.pk}/pin")
    browser.post(f"/chats/{session.pk}/archive")
    session.refresh_from_db()
    assert (session.pinned_at, bool(session.archived_at)) == (None, True)
    browser.post(f"/chats/{session.pk}/pin")
    session.refresh_from_db()
    assert (bool(session.pinned_at), session.archived_at) == (True, None)


def test_writing_to_what_was_put_away_brings_it_back(browser, ask):
    session = ask().session
    browser.post(f"/chats/{session.pk}/archive")
    browser.post(f"/chats/{session.pk}/messages", {"text": "Once more"})
    session.refresh_from_db()
    assert session.archived_at is None


def test_each_row_shows_what_goes_on(browser, ask, write):
    run = ask()
    assert ">Waiting</span>" in row_of(browser, run.session)
    write(run, "Some")
    assert 'data-activity="answering"' in row_of(browser, run.session)
    assert ">Answering</span>" in row_of(browser, run.session)


@pytest.mark.parametrize(
    ("end", "news", "word"),
    [
        (lambda run: transitions.complete(run, "stop"), News.UNREAD, "New"),
        (lambda run: transitions.fail(run, UpstreamUnreachable()), News.FAILED, "Failed"),
        (lambda run: transitions.lose(run, LostReason.LEASE), News.FAILED, "Failed"),
        (transitions.stop, "", ""),
    ],
)
def test_an_end_is_news_until_the_owner_has_looked(browser, ask, write, end, news, word):
    run = write(ask(), "Some")
    end(run.id)
    run.session.refresh_from_db()
    assert run.session.news == news
    assert f"data-mark>{word}<" in row_of(browser, run.session)
    browser.get(f"/chats/{run.session_id}")
    run.session.refresh_from_db()
    assert run.session.news == ""


def test_a_page_that_is_looked_at_says_so(browser, ask, write):
    run = write(ask(), "Some")
    transitions.complete(run.id, "stop")
    assert browser.post(f"/chats/{run.session_id}/seen").status_code == 204
    run.session.refresh_from_db()
    assert run.session.news == ""


def test_the_script_gets_the_list_as_long_as_it_shows_it_and_nothing_if_it_knows_it(browser, sessions):
    made = sessions(130)
    whole = browser.get("/list", {"rows": "110", "current": str(made[100].pk)}, **SCRIPT)
    assert len(titles(whole)) == 110
    assert whole.content.decode().count('aria-current="page"') == 1
    version = re.search(r'data-version="(\w+)"', whole.content.decode())[1]
    assert browser.get("/list", {"rows": "110", "version": version}, **SCRIPT).status_code == 204
    Session.objects.filter(pk=made[100].pk).update(news=News.UNREAD)
    assert browser.get("/list", {"rows": "110", "version": version}, **SCRIPT).status_code == 200


@pytest.mark.parametrize("rows", ["", "-5", "x", "99999999999", "٣"])
def test_an_odd_number_of_rows_is_within_bounds(browser, sessions, rows):
    sessions(60)
    assert len(titles(browser.get("/list", {"rows": rows}, **SCRIPT))) == 50


def test_the_list_is_no_page(browser):
    assert browser.get("/list").url == "/"


def test_the_list_takes_no_more_queries_the_longer_it_is(browser, sessions, django_assert_max_num_queries):
    sessions(50)
    with django_assert_max_num_queries(6):
        browser.get("/list", **SCRIPT)
