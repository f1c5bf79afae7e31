"""How a model's text becomes a session's title."""

import json

import pytest

from runs.lifecycle import transitions
from runs.upstream.profiles.profile import profile_of
from runs.upstream.reading.answer import AnswerReader
from runs.upstream.titles import (
    MAX_CHARACTERS,
    MAX_TOKENS,
    build_title_request,
    clean_title,
    may_request_title,
    run_to_title,
    save_title,
)
from runs.worker.engine import MAX_TEXT_CHARACTERS, TextSink


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Birds of Europe", "Birds of Europe"),
        ("\n  **The *quick* Fox**\nand more", "The quick Fox"),
        ("# `grep` and __friends__", "grep and friends"),
        ("Title: “On snake_case”.", "On snake_case"),
        ("**Title:** 2 < 3", "2 < 3"),
        ("[Wrens](http://example.org)", "Wrens"),
        ("***", ""),
        ("", ""),
    ],
)
def test_a_title_has_no_markup(said, title):
    assert clean_title(said) == title


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("<think>\nA title? **Owls**\n</think>\n\nBirds of Europe", "Birds of Europe"),
        ("A title? **Owls**\n</think>\nBirds of Europe", "Birds of Europe"),
        (f"{'Hm. ' * MAX_TEXT_CHARACTERS}</think>Birds of Europe", "Birds of Europe"),
        ("<thought>It never ends", ""),
    ],
)
def test_what_a_model_thought_is_no_title(said, title):
    sink = TextSink()
    reader = AnswerReader(sink)
    for start in range(0, len(said), 100):
        chunk = {"choices": [{"delta": {"content": said[start : start + 100]}}]}
        reader.feed(f"data: {json.dumps(chunk)}\n\n".encode())
    reader.close()
    assert clean_title("".join(sink.pieces)) == title


def test_a_long_title_is_cut():
    assert len(clean_title("x" * 100)) == MAX_CHARACTERS
    assert clean_title("word " * 100).endswith("word…")


def test_a_question_without_words_is_about_its_files(session, model, send):
    run = send("x", to=session)
    question = run.message.parent
    for position, name in enumerate(("wrens.md", "tits.csv")):
        question.attachments.create(position=position, name=name, media_type="text/plain", size=1, text="A")
    asked = [build_title_request(run).payload["messages"][0]["content"]]
    question.content = ""
    asked.append(build_title_request(run).payload["messages"][0]["content"])
    assert asked == ["x", "wrens.md, tits.csv"]


def test_a_title_chosen_by_the_user_meanwhile_stays(session):  # B14
    assert save_title(session.pk, "By the model")
    session.title = "By a person"
    session.save(update_fields=["title"])
    assert not save_title(session.pk, "By the model")
    session.refresh_from_db()
    assert session.title == "By a person"


def test_a_model_is_asked_for_a_title_at_most_twice_in_a_session(session, send):
    """One that gave none was asked again after each answer."""
    run = send("x", to=session)
    transitions.stop(run.pk)  # titles are for answers that have ended
    titled = [run_to_title(run.pk) is not None for _ in range(4)]
    session.refresh_from_db()
    assert titled == [True, True, False, False] and not may_request_title(session)


def test_a_title_s_budget_survives_thinking(send, model):
    """30 tokens were used up before the first word; and gpt-5-mini refused the name of the limit."""
    run = send("x")
    assert build_title_request(run).payload["max_tokens"] == MAX_TOKENS > 1_000
    model.upstream_id, model.context_window = "gpt-5-mini", 2_048
    run.model = model
    payload = build_title_request(run).payload
    assert (payload["max_completion_tokens"], payload["reasoning_effort"]) == (1_024, "low")
    assert "max_tokens" not in payload and "temperature" not in payload
    assert profile_of(model).max_tokens == "max_completion_tokens"
