"""Every page of a schedule, asked as alice (whose it is), bob, charlie (staff) and nobody (B55)."""

import pytest
from django.urls import reverse

from chatapp.schedules.models import Schedule
from chatapp.web.schedules.urls import urlpatterns
from runs.models import Run

pytestmark = pytest.mark.one_database

PAGES = {
    "schedule": "get",
    "edit_schedule": "get",
    "run_schedule": "post",
    "pause_schedule": "post",
    "resume_schedule": "post",
    "duplicate_schedule": "post",
    "delete_schedule": "post",
}
OWN_PAGES = ["schedules", "new_schedule", "preview_schedule"]


def ask(client, name: str, schedule: Schedule):
    return getattr(client, PAGES[name])(reverse(name, args=[schedule.pk]))


def everything() -> list[tuple]:
    return [*Schedule.objects.values_list("id", "paused", "name", "next_at"), *Run.objects.values_list("id")]


def test_every_page_is_asked_here():
    assert {pattern.name for pattern in urlpatterns} == {*PAGES, *OWN_PAGES}


@pytest.mark.parametrize("name", PAGES)
def test_alice_reaches_what_is_hers(name, log_in, alice, make):
    assert ask(log_in(alice), name, make()).status_code in (200, 302)


@pytest.mark.parametrize("name", PAGES)
def test_others_are_told_that_there_is_nothing_and_change_nothing(name, log_in, bob, charlie, make):
    schedule = make(name="A secret of alice")
    before = everything()
    for person in (bob, charlie):
        assert ask(log_in(person), name, schedule).status_code == 404
        assert log_in(person).post(reverse("edit_schedule", args=[schedule.pk]), {}).status_code == 404
    nobody = ask(log_in(None), name, schedule)
    assert (nobody.status_code, nobody.url.startswith("/login?next=")) == (302, True)
    assert everything() == before


@pytest.mark.parametrize("name", OWN_PAGES)
def test_everybody_sees_only_what_is_his(name, log_in, alice, bob, make):
    make(name="A secret of alice")
    assert "A secret" not in log_in(bob).get(reverse(name)).content.decode()
    assert log_in(None).get(reverse(name)).status_code == 302


@pytest.mark.parametrize("name", [name for name, method in PAGES.items() if method == "post"])
def test_nothing_changes_by_following_a_link(name, log_in, alice, make):
    schedule = make()
    before = everything()
    assert log_in(alice).get(reverse(name, args=[schedule.pk])).status_code in (200, 405)
    assert everything() == before


def test_a_chat_of_somebody_else_can_not_be_written_to(log_in, bob, alice, model):
    theirs = alice.chat_sessions.create(title="Alice's own")
    form = {"name": "n", "prompt": "p", "kind": "daily", "at": "09:00", "zone": "UTC", "target": str(theirs.pk)}
    form |= {"missed": "run", "overlap": "skip", "notify": "all"}
    page = log_in(bob).post(reverse("new_schedule"), form)
    assert page.status_code == 422
    assert "Alice" not in page.content.decode()
    assert not Schedule.objects.exists()
