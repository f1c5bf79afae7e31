"""The page of webhooks and the admin's log, as alice, bob, charlie and nobody."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chatapp.web.webhooks.urls import urlpatterns
from chatapp.webhooks import deliveries
from chatapp.webhooks.models import Delivery, DisabledReason, Endpoint, State, all_ends

pytestmark = pytest.mark.one_database

PAGE = "/settings/webhooks"
FORM = {"url": "https://hooks.example/a", "ends": all_ends()}


@pytest.fixture
def log_in():
    def log_in_(user) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return log_in_


def test_a_webhook_is_made_and_its_secret_is_shown_once(alice, log_in):
    browser = log_in(alice)
    made = browser.post(PAGE, FORM | {"ends": ["failed", "lost"]}, follow=True)
    mine = Endpoint.objects.get()
    assert (mine.url, mine.ends, mine.owner) == ("https://hooks.example/a", ["failed", "lost"], alice)
    assert re.fullmatch(r"whsec_[\w+/]{43}=", mine.secret)
    assert mine.secret in made.text
    assert "no-store" in made["Cache-Control"]
    page = browser.get(PAGE)
    assert mine.secret not in page.text
    assert "Sent when an answer is failed or lost." in page.text
    renewed = browser.post(f"{PAGE}/{mine.pk}/secret", follow=True)
    mine.refresh_from_db()
    assert mine.secret in renewed.text
    assert mine.secret not in made.text


@pytest.mark.parametrize(
    "wrong", [{"url": ""}, {"url": "http://hooks.example/"}, {"url": "https://127.0.0.1/"}, {"ends": []},
              {"ends": ["running"]}, {"url": "https://hooks.example/" + "x" * 500}]
)  # fmt: skip
def test_what_cannot_be_is_refused_and_says_why(wrong, alice, log_in):
    response = log_in(alice).post(PAGE, FORM | wrong)
    assert response.status_code == 422
    assert 'class="error"' in response.text
    assert not Endpoint.objects.exists()


def test_ten_are_enough(alice, log_in):
    browser = log_in(alice)
    Endpoint.objects.bulk_create(Endpoint(owner=alice, url=FORM["url"]) for _ in range(10))
    assert browser.post(PAGE, FORM).url == PAGE
    assert Endpoint.objects.count() == 10
    assert "You have reached the limit of 10 webhooks" in browser.get(PAGE).text


def test_a_webhook_is_switched_off_and_on_and_deleted(alice, log_in):
    browser = log_in(alice)
    browser.post(PAGE, FORM)
    mine = Endpoint.objects.get()
    browser.post(f"{PAGE}/{mine.pk}/off")
    mine.refresh_from_db()
    assert (mine.is_enabled, mine.disabled_why) == (False, DisabledReason.OWNER)
    page = browser.get(PAGE).text
    assert "Disabled. Turned off by its owner" in page
    assert 'role="status" tabindex="-1" autofocus>Webhook disabled.</p>' in page
    browser.post(f"{PAGE}/{mine.pk}/on")
    mine.refresh_from_db()
    assert (mine.is_enabled, mine.disabled_why) == (True, "")
    browser.post(f"{PAGE}/{mine.pk}/delete")
    assert not Endpoint.objects.exists()


def test_another_user_s_webhook_does_not_exist(alice, bob, charlie, log_in):  # B55
    log_in(alice).post(PAGE, FORM)
    mine = Endpoint.objects.get()
    before = Endpoint.objects.values().get()
    browsers = {person: log_in(person) for person in (alice, bob, charlie)}
    for pattern in urlpatterns:
        path = reverse(pattern.name, args=[mine.pk] if pattern.pattern.converters else [])
        assert Client().post(path).status_code == 302
        if pattern.pattern.converters:
            assert [browsers[person].post(path).status_code for person in (bob, charlie)] == [404, 404]
            assert browsers[alice].get(path).status_code == 405
    assert Endpoint.objects.values().get() == before
    assert "hooks.example" not in browsers[bob].get(PAGE).text


def test_the_page_tells_what_has_become_of_deliveries_and_believes_nobody(alice, log_in, endpoint, ended):
    mine = endpoint()
    deliveries.create_on_end(ended().pk)
    mine.deliveries.update(error="<script>alert(1)</script>", attempts=3)
    page = log_in(alice).get(PAGE).text
    assert mine.deliveries.get().message_id in page
    assert "pending, attempt 3" in page
    assert "<script>alert" not in page


def test_staff_see_the_log_and_send_again(charlie, log_in, endpoint, ended):
    mine = endpoint()
    deliveries.create_on_end(ended().pk), deliveries.create_on_end(ended().pk)
    done, pending = mine.deliveries.order_by("created_at")
    ended_fields = {"state": State.GIVEN_UP, "next_attempt_at": None, "ended_at": timezone.now(), "attempts": 8}
    Delivery.objects.filter(pk=done.pk).update(**ended_fields)
    admin = log_in(charlie)
    assert mine.secret not in admin.get(reverse("admin:webhooks_endpoint_change", args=[mine.pk])).text
    page = admin.get(reverse("admin:webhooks_delivery_change", args=[done.pk])).text
    assert done.message_id in page
    chosen = {"action": "send_again", "_selected_action": [done.pk, pending.pk]}
    admin.post(reverse("admin:webhooks_delivery_changelist"), chosen)
    done.refresh_from_db()
    assert (done.state, done.attempts, done.ended_at) == (State.PENDING, 0, None)
    assert [entry.object_id for entry in LogEntry.objects.all()] == [str(done.pk)]
    assert admin.get(reverse("admin:webhooks_delivery_add")).status_code == 403
