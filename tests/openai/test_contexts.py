"""What programs go on from is bounded before anything is stored or sent."""

from collections.abc import Callable

import pytest
from django.db.models.signals import post_init

from chatapp.chats import storage_usage
from chatapp.chats.models import Message
from chatapp.openai.errors import PreviousNotFound
from chatapp.openai.models import Exchange, Kind
from chatapp.openai.parsed_request import ParsedRequest
from chatapp.openai.run_requests import prompt_of, start_run
from runs.errors import ContextTooLong
from runs.lifecycle import transitions
from runs.models import Run


def item(text: str) -> dict:
    part = {"type": "input_text", "text": text}
    return {"id": "msg_1", "type": "message", "status": "completed", "role": "user", "content": [part]}


@pytest.fixture
def respond(alice, model) -> Callable:
    """Ask for a response, which is answered with `answer` at once."""

    def respond(text: str, answer: str, previous: Exchange | None = None) -> Exchange:
        wanted = ParsedRequest(Kind.RESPONSE, "betula", [item(text)], text, {}, is_stored=True)
        wanted.previous = previous and previous.pk
        exchange = start_run(alice, wanted, previous and previous.chain)
        transitions.stop(exchange.run_id)
        Message.objects.filter(runs=exchange.run_id).update(content=answer)
        return exchange

    return respond


def messages_of(exchange: Exchange) -> list[dict]:
    return prompt_of(Run.objects.get(pk=exchange.pk))[0]


def test_a_chain_sends_its_own_way_back_and_reads_no_other_branch(respond):
    first = respond("one", "1")
    for _ in range(5):
        respond("another branch", "x" * 1000, first)
    last = respond("three", "", respond("two", "2", first))
    seen = []
    count = lambda sender, instance, **_: seen.append(instance)  # noqa: E731
    post_init.connect(count, sender=Exchange)
    try:
        messages = messages_of(last)
    finally:
        post_init.disconnect(count, sender=Exchange)
    assert [message["content"] for message in messages] == ["one", "1", "two", "2", "three"]
    assert len(seen) == 4, "the one that is asked for, and the three on the way"


def test_a_chain_that_grows_too_long_is_refused_before_anything_is_stored(respond, settings):
    settings.CONTEXT_MAX_CHARACTERS = 1_000
    last = None
    with pytest.raises(ContextTooLong):
        for _ in range(24):
            last = respond("x" * 50, "y" * 50, last)
    assert Exchange.objects.count() == Run.objects.count() == 7, "each is 138 characters, with its roles and types"
    settings.CONTEXT_MAX_CHARACTERS = 500  # and one that was asked for before a limit was set
    with pytest.raises(ContextTooLong):
        messages_of(last)


def test_a_chain_of_too_many_messages_is_refused(respond, settings):
    settings.CONTEXT_MAX_MESSAGES = 6
    last = None
    for _ in range(3):
        last = respond("a", "b", last)
    assert len(messages_of(last)) == 5
    with pytest.raises(ContextTooLong):
        messages_of(respond("a", "b", last))


def test_a_response_that_is_gone_is_missed_wherever_it_was_on_the_way(respond):
    first = respond("one", "1")
    second = respond("two", "2", first)
    last = respond("three", "3", second)
    Run.objects.filter(pk=first.pk).delete()
    with pytest.raises(PreviousNotFound):
        messages_of(last)


BIG = "x" * 90_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", {"messages": [{"role": "user", "content": BIG}] * 12}),
        ("chat/completions", {"messages": [{"role": "user", "content": "Hi"}] * 2_001}),
        ("responses", {"input": [{"role": "user", "content": BIG}] * 12}),
        (
            "chat/completions",
            {
                "messages": [{"role": "user", "content": "Hi"}],
                "tools": [{"type": "function", "function": {"name": "f", "description": "x" * 1_000_000}}],
            },
        ),
    ],
)
def test_a_request_that_is_too_long_by_itself_is_refused_in_the_words_that_clients_know(program, model, path, body):
    response = program.ask("POST", path, {"model": "betula", **body})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "context_length_exceeded")
    assert response["X-Should-Retry"] == "false"
    assert not Run.objects.exists() and not Exchange.objects.exists()


def test_lengths_of_requests_from_before_are_counted_by_the_migration(respond):
    from django.apps import apps

    exchange = respond("six…so", "1")
    assert exchange.characters == Exchange.objects.get(pk=exchange.pk).characters > 6
    Exchange.objects.update(characters=0)
    migration = __import__("chatapp.openai.migrations.0002_characters", fromlist=["count"])
    migration.count(apps, None)
    assert Exchange.objects.get(pk=exchange.pk).characters == exchange.characters


def test_what_programs_send_counts_for_what_is_stored_of_their_user(program, model, settings):
    settings.USER_MAX_BYTES = 5_000
    body = {"model": "betula", "input": "x" * 5_000, "background": True}
    assert program.ask("POST", "responses", body).status_code == 200
    refused = program.ask("POST", "responses", body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "quota_exceeded")
    assert refused["X-Should-Retry"] == "false"
    assert storage_usage.count(program.user.pk) > 10_000, "the item and the message that shows it"
