"""How a model's text becomes a session's title."""

import pytest

from runs.upstream.titles import MAX_CHARACTERS, build_title_request, clean_title, save_title


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
