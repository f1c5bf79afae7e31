"""What is stored of a user has a limit."""

import pytest

from chatapp.chats import storage_usage
from chatapp.chats.models import Attachment, Message, Session, Stored
from runs import actions
from runs.errors import QuotaExceeded
from runs.lifecycle import transitions
from runs.models import Run
from streams.events import Kind
from streams.log import store


@pytest.fixture
def answer(claim):
    def answer(run: Run, text: str) -> None:
        claim(run)
        store.append(run.id, (Kind.TEXT, {"text": text}))
        transitions.complete(run.id, "stop")

    return answer


def test_a_full_quota_refuses_messages_until_something_is_deleted(send, answer, session, alice, bob, settings):
    settings.USER_MAX_BYTES = 1_000
    answer(send("x" * 400), "ü" * 299)
    run = send("yy")  # at 998 bytes there still is room
    transitions.stop(run.id)
    for refused in (
        lambda: send("z"),
        lambda: actions.answer_again(run.message, user=alice),
        lambda: actions.edit_and_send(run.message.parent, "z", user=alice),
        lambda: actions.continue_answer(run.message, user=alice),
    ):
        with pytest.raises(QuotaExceeded):
            refused()
    assert Message.objects.filter(content="z").count() == 0
    actions.send(Session.objects.create(owner=bob), "Bob has room of his own", user=bob)
    actions.delete_session(session, by=alice)
    send("There is room again", to=Session.objects.create(owner=alice))


def test_text_stored_before_the_first_total_is_counted_once(send, session, alice, settings, django_assert_num_queries):
    message = Message.objects.create(
        session=session, role="user", content="ü" * 100, reasoning="x" * 10, tools=[{"a": 1}]
    )
    Attachment.objects.create(message=message, position=0, name="a", media_type="text/plain", size=50, text="x" * 50)
    settings.USER_MAX_BYTES = 1_000
    assert not storage_usage.is_full(alice.pk)
    assert Stored.objects.get().size == 200 + 10 + 50 + len('[{"a": 1}]')
    with django_assert_num_queries(1):
        assert not storage_usage.is_full(alice.pk)
    settings.USER_MAX_BYTES = 270
    with django_assert_num_queries(1):
        assert storage_usage.is_full(alice.pk), "counted a moment ago"
    settings.USER_MAX_BYTES = 0
    with django_assert_num_queries(0):
        assert not storage_usage.is_full(alice.pk)


def test_a_total_that_is_too_high_is_recounted_before_a_refusal(alice, settings):
    settings.USER_MAX_BYTES = 1_000
    storage_usage.count(alice.pk)
    storage_usage.add(alice.pk, 5_000)
    assert storage_usage.is_full(alice.pk)
    storage_usage.changed(alice.pk)
    assert not storage_usage.is_full(alice.pk)
    assert Stored.objects.get().size == 0


def test_the_running_total_equals_a_recount(send, answer, session, alice, settings):
    settings.USER_MAX_BYTES = 10_000
    storage_usage.count(alice.pk)
    for _ in range(3):
        answer(send("Wie groß?"), "So groß…")
    kept_up = Stored.objects.get().size
    assert storage_usage.count(alice.pk) == kept_up + 2 * Message.objects.count(), "and two bytes for each `tools`, []"
