"""The migration that made files of what stood at the end of a message's text."""

import sys
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chatapp.chats.models import Attachment, Message, Session
from chatapp.chats.search import matching_messages

migration = import_module("chatapp.chats.migrations.0008_files_out_of_messages")
File, compose, take_apart = migration.File, migration.compose, migration.take_apart

FILES = [File("a.txt", "A"), File("b.md", "```\nB\n```\n\nFile: c\n```"), File("empty", ""), File("marks", "`" * 9)]
WORDS = ["", "words", "two\n\nparts", "File: not one", "File: open\n```", "File: open\n````\n", "```\n```", "\n"]


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("count", range(1, 5))
def test_a_text_is_taken_apart_as_it_was_put_together(words, count):
    files = [*FILES, *FILES][count - 1 : 2 * count - 1]
    own, parts = take_apart(compose(words, files))
    assert parts == files
    assert own == words.strip("\n") or own == words
    assert compose(own, parts) == compose(words, files)


LEFT = [
    "words",
    "File: a\n```\nno end",
    "File: a\n```\nx\n```\nwords after it",
    "```\n```",
    "File: a\n```\nx\n```\n\n",
    "words\nFile: a\n```\nx\n```",  # no blank line before it
    "\nFile: a\n```\nx\n```",
    "File: a\r\n```\r\nx\r\n```",
    "File: a\n`````\nx\n`````",  # a longer fence than any file needs: a person wrote this
    "File: \n```\nx\n```",
    f"File: {'a' * 101}\n```\nx\n```",
    "\n\n".join(["File: a\n```\nA\n```"] * 101),  # no form could send so many
    "File: a\n```\n```",  # an empty file has a line
]


@pytest.mark.parametrize("text", LEFT)
def test_what_only_looks_like_a_file_stays_in_the_words(text):
    assert take_apart(text) == (text, [])


HOSTILE = {
    "empty ones and a word": ("File: a\n```\n```\n\n", "x"),
    "true ones and a word": ("File: a\n```\nA\n```\n\n", "x"),
    "true ones": ("File: a\n```\nA\n```\n\n", "File: a\n```\nA\n```"),
    "no ends": ("File: a\n```\n\n", "x\n```"),
    "every line a heading": ("File: a\n", "```"),
    "every line a fence": ("```\n", "```"),
    "CRLF": ("File: a\r\n```\r\n```\r\n\r\n", "x"),
}


def work_of(text: str) -> int:
    """The lines of Python that are executed to take a text apart: the machine's load does not change them."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        take_apart(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(("part", "end"), HOSTILE.values(), ids=HOSTILE)
def test_the_work_grows_with_the_length_alone(part, end):
    once, twice = (work_of(part * times + end) for times in (500, 1_000))
    assert once * 1.5 < twice < once * 2.1 or twice < 100


def test_fences_of_any_number_of_lengths_are_looked_at_once():
    few, many = ("\n\n".join(f"File: {n}\n{'`' * (3 + n)}" for n in range(count)) for count in (200, 400))
    assert work_of(many) < 2.1 * work_of(few)
    assert take_apart(many) == (many, [])


@pytest.fixture
def session(transactional_db):
    return Session.objects.create(owner=get_user_model().objects.create_user("alice"))


def say(session: Session, content: str, role: str = "user") -> Message:
    return Message.objects.create(session=session, role=role, content=content)


def run(move) -> None:
    """One way of the migration, on the tables as they are."""
    with connection.schema_editor(atomic=False) as editor:
        move(apps, editor)


def test_messages_are_taken_apart_and_put_together_again(session):
    content = compose("Look", [File("notes.md", "Ä\n```"), File("b.ts", "B")])
    with_files = say(session, content)
    others = [say(session, content, role="assistant"), *(say(session, text) for text in (*LEFT, *WORDS))]
    contents = [message.content for message in others]
    run(migration.split)
    with_files.refresh_from_db()
    assert with_files.content == "Look"
    rows = Attachment.objects.values_list("message", "position", "name", "media_type", "size", "text")
    assert list(rows) == [
        (with_files.pk, 0, "notes.md", "text/markdown", 6, "Ä\n```"),
        (with_files.pk, 1, "b.ts", "text/plain", 1, "B"),
    ]
    run(migration.split)  # it was broken off, and begins again
    assert Attachment.objects.count() == 2
    assert [Message.objects.get(pk=message.pk).content for message in others] == contents
    run(migration.join)
    with_files.refresh_from_db()
    assert with_files.content == content
    assert not Attachment.objects.exists()


def test_a_few_messages_are_in_memory_at_once(session, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(migration, "BATCH", 2)
    for number in range(5):
        say(session, compose("", [File(f"{number}.txt", "A")]))
    say(session, HOSTILE_TEXT := "File: a\n```\n```\n\n" * 5_529 + "x\n```")
    run(migration.split)
    assert Attachment.objects.count() == 5
    assert Message.objects.filter(content="").count() == 5
    assert Message.objects.filter(content=HOSTILE_TEXT).exists()
    run(migration.join)
    assert not Message.objects.filter(content="").exists()


def test_the_tables_go_and_come_back_with_what_is_in_them(session):
    """Back one version, where messages can be written and found, and up again."""
    message = say(session, "Look")
    Attachment.objects.create(message=message, position=0, name="a.txt", media_type="text/plain", size=1, text="wren")
    try:
        call_command("migrate", "chats", "0006", verbosity=0)
        old = (
            MigrationExecutor(connection)
            .loader.project_state([("chats", "0006_tools")])
            .apps.get_model("chats", "Message")
        )
        assert old.objects.get(pk=message.pk).content == "Look\n\nFile: a.txt\n```\nwren\n```"
        old.objects.create(session_id=session.pk, role="user", content="Written by the earlier version")
    finally:
        call_command("migrate", "chats", verbosity=0)
    assert Attachment.objects.get().text == "wren"
    for words in (["look", "wren"], ["earlier", "version"]):
        assert matching_messages(Message.objects.all(), words).count() == 1
