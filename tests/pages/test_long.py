"""Long sessions come in parts, and boundless answers not as a whole."""

import re

import pytest

from chatapp.chats.models import Attachment, Message, Role
from chatapp.chats.plain import SHOWN_CHARACTERS
from chatapp.pages.conversation import PAGE_MESSAGES
from runs import lifecycle
from runs.rendering.stretches import stretched
from streams import log
from streams.events import Kind

LONG = "مرحبا <wört> " * 2_000
SCRIPT = {"headers": {"X-Requested-With": "fetch"}}


@pytest.fixture
def session(alice, model):
    """A session of 100 messages, `m0` to `m99`."""
    session = alice.chat_sessions.create()
    before = None
    for number in range(100):
        role = Role.ASSISTANT if number % 2 else Role.USER
        before = Message.objects.create(session=session, parent=before, role=role, content=f"m{number}")
    session.tip = before
    session.save()
    return session


def numbers(response) -> list[int]:
    """The messages on a page."""
    return [int(n) for n in re.findall(r'(?:dir="auto">|data-plain>)m(\d+)<', response.content.decode())]


def earlier_in(response) -> str | None:
    found = re.search(r'data-earlier="([^"]+)"', response.content.decode())
    return found and found[1]


def test_the_page_brings_the_last_messages_and_a_link_to_those_before(browser, session):  # B56
    url = f"/chats/{session.pk}"
    page = browser.get(url)
    assert numbers(page) == list(range(100 - PAGE_MESSAGES, 100))
    page = browser.get(f"{url}?before={earlier_in(page)}")
    assert numbers(page) == list(range(100 - 2 * PAGE_MESSAGES, 100))
    page = browser.get(f"{url}?before={earlier_in(page)}")
    assert numbers(page) == list(range(100))
    assert earlier_in(page) is None


def test_the_script_gets_only_those_before(browser, session):
    url = f"/chats/{session.pk}/messages"
    first = earlier_in(browser.get(f"/chats/{session.pk}"))
    part = browser.get(f"{url}?before={first}", **SCRIPT)
    assert numbers(part) == list(range(100 - 2 * PAGE_MESSAGES, 100 - PAGE_MESSAGES))
    last = browser.get(f"{url}?before={earlier_in(part)}", **SCRIPT)
    assert numbers(last) == list(range(100 - 2 * PAGE_MESSAGES))
    assert earlier_in(last) is None
    assert numbers(browser.get(f"{url}?before=garbage", **SCRIPT)) == []


def test_a_script_that_has_to_begin_anew_gets_the_last_ones_and_the_link(browser, session):
    part = browser.get(f"/chats/{session.pk}/messages?after=", **SCRIPT)
    assert len(numbers(part)) == PAGE_MESSAGES
    assert earlier_in(part)


def test_of_a_boundless_answer_the_page_shows_the_beginning_and_a_link_to_all(browser, ask, write):
    run = write(ask(), "x" * (SHOWN_CHARACTERS + 10))
    for is_active in (True, False):
        page = browser.get(f"/chats/{run.session_id}").content.decode()
        assert len(page) < SHOWN_CHARACTERS + 20_000
        assert "Show all of it as text" in page
        whole = browser.get(f"/messages/{run.message_id}/text")
        assert len(whole.content) == SHOWN_CHARACTERS + 10
        if is_active:
            lifecycle.complete(run.id, "stop")


def test_a_message_as_text_is_never_taken_for_a_page(browser, ask, write):  # B58
    run = write(ask(), "<script>alert(1)</script>")
    response = browser.get(f"/messages/{run.message_id}/text")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.content == b"<script>alert(1)</script>"


@pytest.mark.parametrize("part", ["question", "waiting", "answer", "being written", "reasoning", "arguments", "file"])
def test_a_long_text_stands_in_stretches_wherever_it_stands(browser, alice, model, ask, write, part):
    """As one paragraph of 100,000 Arabic letters, any of them froze the tab (B58)."""
    run = ask(LONG if part == "question" else "Why?")
    if part == "waiting":
        ask(LONG, session=run.session)
    write(run, LONG if part in ("answer", "being written") else "Because", LONG if part == "reasoning" else "")
    if part == "arguments":
        log.append(run.id, (Kind.TOOL, {"index": 0, "id": "1", "name": "look", "arguments": LONG}))
    if part == "file":
        question = {"message": run.message.parent, "position": 1, "size": 1}
        Attachment.objects.create(**question, name="a.txt", media_type="text/plain", text=LONG)
    if part != "being written" and part != "waiting":
        lifecycle.complete(run.id, "stop")
    page = browser.get(f"/chats/{run.session_id}").content.decode()
    assert stretched(LONG) in page
    alice.chat_sessions.update(share_token="t" * 43)
    if part in ("question", "answer", "file"):
        assert stretched(LONG) in browser.get(f"/shared/{'t' * 43}").content.decode()
