"""Files of a session, made piece by piece."""

import asyncio
import json

import pytest
from django.test import AsyncClient

from chatapp.chats.models import Message, Role, Session

MESSAGES, CHARACTERS = 60, 50_000


@pytest.fixture
def long(alice, model):
    """Alice's session of three megabytes, one message of which nobody sees any more."""
    session, tip = alice.chat_sessions.create(title="Long"), None
    Message.objects.create(session=session, role=Role.USER, content="Another branch")
    for number in range(MESSAGES):
        text = f"Number {number}. " + "x" * CHARACTERS
        role = Role.ASSISTANT if number % 2 else Role.USER
        tip = Message.objects.create(session=session, parent=tip, role=role, content=text)
    Session.objects.filter(pk=session.pk).update(tip=tip)
    return session


def whole(response) -> str:
    return response.getvalue().decode() if response.streaming else response.content.decode()


def test_a_long_file_is_whole_and_comes_in_pieces(browser, long):
    response = browser.get(f"/chats/{long.pk}/export.md")
    assert response.streaming
    assert response.headers["Content-Disposition"] == 'attachment; filename="long.md"'
    text = whole(response)
    assert text.count("Number ") == MESSAGES
    assert text.endswith("x\n")
    assert "Another branch" not in text
    document = json.loads(whole(browser.get(f"/chats/{long.pk}/export.json")))
    assert len(document["messages"]) == MESSAGES + 1
    assert len(document["shown"]) == MESSAGES


def test_no_more_than_a_few_messages_are_in_memory_at_once(browser, long, django_assert_num_queries):
    """All of a session was read before its first byte was sent: one of fifty megabytes took three hundred."""
    response = browser.get(f"/chats/{long.pk}/export.json")
    Message.objects.filter(session=long).update(content="changed")  # what is not read yet
    document = json.loads(whole(response))
    assert [message["content"] for message in document["messages"]].count("changed") > MESSAGES // 2


@pytest.mark.django_db(transaction=True)
def test_an_asynchronous_server_sends_it_piece_by_piece_too(alice, long):  # and not all of it at the end
    client = AsyncClient()
    client.force_login(alice)

    async def read() -> tuple[str, int]:
        response = await client.get(f"/chats/{long.pk}/export.md")
        pieces = [piece async for piece in response]
        return b"".join(pieces).decode(), len(pieces)

    text, pieces = asyncio.run(read())
    assert text.count("Number ") == MESSAGES
    assert pieces >= MESSAGES


def test_a_short_file_has_a_length(browser, ask, write):
    run = write(ask("Why?"), "Because")
    response = browser.get(f"/chats/{run.session_id}/export.md")
    assert int(response.headers["Content-Length"]) == len(response.content)
