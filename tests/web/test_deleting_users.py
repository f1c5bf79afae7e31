"""Staff deletes a user who has chats."""

import pytest
from django.contrib.auth import get_user_model

from chatapp.chats.models import Message, Session
from runs.models import Run
from streams.events import Kind
from streams.models import LoggedEvent

USERS = "/admin/auth/user/"


@pytest.fixture
def staff(log_in, charlie):
    return log_in(charlie)


@pytest.fixture
def busy(ask, write, alice):
    """Alice, with an answer that is being written and a message that waits for it."""
    run = write(ask(), "Some")
    ask("Second", session=run.session)
    return alice


def assert_gone(user) -> None:
    assert not get_user_model().objects.filter(pk=user.pk).exists()
    assert not Session.objects.exists()
    assert not Message.objects.exists()
    assert not Run.objects.exists()
    assert set(LoggedEvent.objects.values_list("kind", flat=True)) == {Kind.STOPPED}


def test_a_user_with_chats_is_deleted_and_what_runs_is_stopped(staff, busy):  # B40
    question = staff.get(f"{USERS}{busy.pk}/delete/").content.decode()
    assert "Messages: 4" in question
    assert "Runs: 2" in question
    assert "doesn't have permission" not in question
    assert staff.post(f"{USERS}{busy.pk}/delete/", {"post": "yes"}).url == USERS
    assert_gone(busy)


def test_many_users_are_deleted_at_once(staff, busy, bob):
    form = {"action": "delete_selected", "_selected_action": [busy.pk, bob.pk]}
    assert "Users: 2" in staff.post(USERS, form).content.decode()
    staff.post(USERS, form | {"post": "yes"})
    assert_gone(busy)
    assert not get_user_model().objects.filter(pk=bob.pk).exists()


def test_staff_without_the_permission_deletes_nobody(log_in, busy, bob):
    bob.is_staff = True
    bob.save(update_fields=["is_staff"])
    assert log_in(bob).post(f"{USERS}{busy.pk}/delete/", {"post": "yes"}).status_code == 403
    assert get_user_model().objects.filter(pk=busy.pk).exists()


def test_the_chats_themselves_stay_read_only(staff, busy):
    session = Session.objects.get()
    assert staff.post(f"/admin/chats/session/{session.pk}/delete/", {"post": "yes"}).status_code == 403
