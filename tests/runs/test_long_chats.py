"""The middle of a chat that is longer than its model reads is left out, and the rest still makes sense (B66)."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.chats.models import Message, Role
from runs.errors import UpstreamContextTooLong
from runs.models import Run
from runs.upstream.context.chat_context import CONTINUE_PROMPT
from runs.upstream.context.trimming import gap_text, trim, trim_again
from runs.upstream.context.windows import (
    BYTES_PER_TOKEN,
    estimated_tokens,
    prompt_tokens,
    window_of,
)
from runs.upstream.learning import has_findings, keep_findings
from runs.upstream.request import build_request, prepare_request


def talk_of(exchanges: int, characters: int = 100) -> list[dict]:
    roles = ("user", "assistant")
    talk = [
        {"role": role, "content": f"{role[0]}{n} ".ljust(characters, "x")} for n in range(exchanges) for role in roles
    ]
    return [*talk, {"role": "user", "content": "Why?"}]


def names(messages) -> list[str]:
    return [message["content"].split("x")[0].strip() for message in messages]


def test_the_first_question_and_the_newest_messages_stay():
    messages = [{"role": "system", "content": "Be brief."}, *talk_of(10)]
    trimmed = trim(messages, 200, BYTES_PER_TOKEN)
    assert names(trimmed.messages) == ["Be brief.", "u0", gap_text(15), "u8", "a8", "u9", "a9", "Why?"]
    assert trimmed.left_out == 15
    assert trim(messages, 10_000, BYTES_PER_TOKEN) == (messages, 0)


def test_no_answer_is_left_without_its_question():
    exchange = [{"role": role, "content": "x" * 40} for role in ("user", "assistant")]
    for tokens in range(120, 300):
        trimmed = trim([*exchange * 10, {"role": "user", "content": "Now?"}], tokens, 4.0)
        assert trimmed.messages[1] == {"role": "assistant", "content": gap_text(trimmed.left_out)}


def test_trimming_again_counts_what_was_left_out_before():
    once = trim(talk_of(10), 400, BYTES_PER_TOKEN)
    again = trim_again(once.messages, 200, BYTES_PER_TOKEN)
    assert once.left_out < again.left_out == 15
    assert names(again.messages) == ["u0", gap_text(15), "u8", "a8", "u9", "a9", "Why?"]


def test_a_first_question_that_is_too_long_is_sent_in_part():
    messages = [{"role": "user", "content": "é" * 10_000}, {"role": "assistant", "content": "a" * 400}, *talk_of(1)]
    trimmed = trim(messages, 400, BYTES_PER_TOKEN)
    assert trimmed.messages[0]["content"].endswith("é […]")
    assert trimmed.left_out == 1


messages_of_users = st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 3_000)), max_size=30)


@given(messages_of_users, st.integers(0, 3_000), st.integers(1, 4_000), st.sampled_from([1.5, 4.0, 6.0]), st.booleans())
def test_what_stays_fits_and_alternates_and_everything_else_is_counted(lengths, last, tokens, ratio, is_continued):
    talk = [
        {"role": role, "content": "x" * (n + 1)}
        for pair in lengths
        for role, n in zip(("user", "assistant"), pair, strict=True)
    ]
    talk += [{"role": "user", "content": "y" * (last + 1)}]
    newest = 1
    if is_continued:
        talk += [{"role": "assistant", "content": "written"}, {"role": "user", "content": CONTINUE_PROMPT}]
        newest = 2
    trimmed = trim(talk, tokens, ratio, newest)
    assert trimmed.messages[-newest:] == talk[-newest:]
    gaps = [message for message in trimmed.messages if message["content"] == gap_text(trimmed.left_out)]
    assert len(trimmed.messages) - len(gaps) + trimmed.left_out == len(talk)
    is_more = len(trimmed.messages) > newest
    assert not is_more or estimated_tokens(trimmed.messages, ratio) <= max(tokens, 0) + 25  # the gap's own words
    roles = [message["role"] for message in trimmed.messages]
    assert all(before != after for before, after in pairwise(roles))


def test_a_window_is_the_one_that_staff_set_or_the_server_reported_or_the_table_has(model):
    assert window_of(model) is None
    model.upstream_id = "openai/gpt-4o-mini"
    assert window_of(model) is None, "at a server of one's own a name says nothing"
    model.provider.base_url = "https://openrouter.ai/api/v1"
    assert window_of(model) == 128_000
    model.learned = {"context_window": 64_000}
    assert window_of(model) == 64_000
    model.context_window = 4_096
    assert window_of(model) == 4_096


def test_an_answer_has_its_share_of_the_window():
    assert prompt_tokens(4_096, None) == 3_072
    assert prompt_tokens(4_096, 100) == 3_996
    assert prompt_tokens(4_096, 100_000) == 2_048
    assert prompt_tokens(400_000, None) == 400_000 - 8_192


@pytest.fixture
def long_run(send, session, model):
    """A run in a chat of 1,000 messages of 50 characters, with a model of 4,096 tokens."""
    model.context_window = 4_096
    model.save(update_fields=["context_window"])
    rows, parent = [], None
    for number in range(500):
        for role in (Role.USER, Role.ASSISTANT):
            rows.append(
                Message(session=session, parent=parent, role=role, content=f"{role[0]}{number} ".ljust(50, "x"))
            )
            parent = rows[-1]
    Message.objects.bulk_create(rows)
    type(session).objects.filter(pk=session.pk).update(tip=parent, system_prompt="Be brief.")
    run = send("Why?")
    Message.objects.filter(pk=run.message.parent_id).update(parent=parent)
    return lambda: Run.objects.select_related("session", "model__provider", "message").get(pk=run.pk)


def test_a_chat_of_a_thousand_messages_fits_into_its_model(long_run):
    request = build_request(long_run())
    sent = request.payload["messages"]
    left_out = long_run().left_out
    assert names(sent)[:3] == ["Be brief.", "u0", gap_text(left_out)]
    assert names(sent)[-3:] == ["u499", "a499", "Why?"]
    assert len(sent) - 2 + left_out == 1_001
    assert 2_500 < estimated_tokens(sent, BYTES_PER_TOKEN) <= 3_072


def test_a_limit_of_the_answer_leaves_room_for_the_messages(long_run, session):
    type(session).objects.filter(pk=session.pk).update(max_tokens=100_000)
    payload = build_request(long_run()).payload
    assert payload["max_tokens"] == 2_048
    assert estimated_tokens(payload["messages"], BYTES_PER_TOKEN) <= 2_048


def too_long(limit: int | None = None, requested: int | None = None) -> UpstreamContextTooLong:
    error = UpstreamContextTooLong("HTTP 400: too long")
    error.upstream_status, error.context_limit, error.context_requested = 400, limit, requested
    return error


@pytest.mark.parametrize("numbers", [(), (4_096,), (4_096, 4_200), (2_048, 4_200), (8_192, 100)])
def test_a_request_that_was_too_long_is_trimmed_once_more(long_run, numbers):
    request = build_request(long_run())
    before, left_out = estimated_tokens(request.payload["messages"], 4.0), request.context.left_out
    assert request.adapt(too_long(*numbers))
    after = estimated_tokens(request.payload["messages"], 4.0)
    assert after < before and request.context.left_out > left_out
    assert not request.adapt(too_long(*numbers))
    keep_findings(request)
    assert long_run().left_out == request.context.left_out
    if numbers:
        assert long_run().model.learned["context_window"] == numbers[0]


def test_a_single_message_that_is_too_long_is_refused_with_the_server_s_error(send, model, session):
    run = send("x" * 50_000)
    request = build_request(Run.objects.select_related("session", "model__provider", "message").get(pk=run.pk))
    assert not request.adapt(too_long(4_096, 16_000))


def test_a_program_s_messages_are_not_trimmed(model):
    assert not prepare_request(model, talk_of(50)).adapt(too_long(4_096, 16_000))


def test_the_server_s_count_teaches_how_long_a_token_is(model):
    def answered(tokens: int):
        model.refresh_from_db()
        request = prepare_request(model, [{"role": "user", "content": "x" * 6_000}])
        request.prompt_tokens = tokens
        if has_findings(request):
            keep_findings(request)
        model.refresh_from_db()
        return model.learned.get("bytes_per_token")

    assert answered(1_500) is None
    assert answered(2_000) == 3.5 and answered(2_000) == 3.5 and answered(2_400) == 3.0
    before = model.learned["bytes_per_token"]
    assert answered(1) == answered(100_000) == before, "a count that cannot be is not believed"
