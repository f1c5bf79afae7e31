"""Long sessions come in parts, and boundless answers not as a whole."""

import re

import pytest

from chatapp.chats.models import Attachment, Message, Role
from chatapp.chats.plain_text import SHOWN_CHARACTERS
from chatapp.chats.reasoning_and_tools import NAME_CHARACTERS, TOOLS
from chatapp.web.chat.paging import PAGE_MESSAGES
from runs.lifecycle import transitions
from runs.models import Model
from runs.rendering.stretches import MAX_STRETCH, stretched
from streams.events import Kind
from streams.log import store

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
        assert len(page) < SHOWN_CHARACTERS + 30_000
        assert "Show the full text" in page
        whole = browser.get(f"/messages/{run.message_id}/text")
        assert len(whole.content) == SHOWN_CHARACTERS + 10
        if is_active:
            transitions.complete(run.id, "stop")


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
        store.append(run.id, (Kind.TOOL, {"index": 0, "id": "1", "name": "look", "arguments": LONG}))
    if part == "file":
        question = {"message": run.message.parent, "position": 1, "size": 1}
        Attachment.objects.create(**question, name="a.txt", media_type="text/plain", text=LONG)
    if part != "being written" and part != "waiting":
        transitions.complete(run.id, "stop")
    page = browser.get(f"/chats/{run.session_id}").content.decode()
    assert stretched(LONG) in page
    assert page.count('class="stretch"') == 3
    alice.chat_sessions.update(share_token="t" * 43, share_files=True)
    if part in ("question", "answer", "file"):
        assert stretched(LONG) in browser.get(f"/shared/{'t' * 43}").content.decode()


@pytest.fixture
def heavy(session):
    """The session of a hundred messages, of which ten answers in a row are as long as answers get."""
    for number in range(71, 91, 2):
        message = session.messages.get(content=f"m{number}")
        message.reasoning, message.html = "r" * 300_000, f'<p dir="auto">m{number}</p>{"x" * 400_000}'
        message.save(update_fields=["reasoning", "html"])
    return session


def test_a_page_has_fewer_messages_where_they_have_much_to_show_and_the_script_brings_the_rest(browser, heavy):
    """Forty answers of 2 MB were one page of 80 MB."""
    page = browser.get(f"/chats/{heavy.pk}")
    read, sizes = numbers(page), [len(page.content)]
    assert read[-1] == 99
    while first := earlier_in(page):
        page = browser.get(f"/chats/{heavy.pk}/messages?before={first}", **SCRIPT)
        read = numbers(page) + read
        sizes.append(len(page.content))
    assert read == list(range(100))
    assert max(sizes) < 1_300_000


def test_without_a_script_every_message_can_be_read_back_and_forth_in_pages(browser, heavy):
    url = f"/chats/{heavy.pk}"
    page = browser.get(url)
    assert later_in(page) is None
    back, sizes = [numbers(page)], [len(page.content)]
    while first := earlier_in(page):
        page = browser.get(f"{url}?before={first}")
        back.append(numbers(page))
        sizes.append(len(page.content))
    assert sorted({number for some in back for number in some}) == list(range(100))
    forth = numbers(page)
    while last := later_in(page):
        page = browser.get(f"{url}?after={last}")
        forth += numbers(page)
        sizes.append(len(page.content))
    assert forth == list(range(100))
    assert max(sizes) < 1_500_000


def test_the_newest_exchange_is_shown_whatever_it_holds(browser, session):
    session.messages.filter(content__in=["m98", "m99"]).update(reasoning="r" * 1_100_000)
    page = browser.get(f"/chats/{session.pk}")
    assert numbers(page) == [98, 99]
    part = browser.get(f"/chats/{session.pk}/messages?after={session.messages.get(content='m97').pk}", **SCRIPT)
    assert numbers(part) == [98, 99]
    assert earlier_in(part) is None  # the page has what comes before


def test_a_script_whose_page_is_far_behind_gets_the_newest_page(browser, heavy):
    after = heavy.messages.get(content="m60").pk
    part = browser.get(f"/chats/{heavy.pk}/messages?after={after}", **SCRIPT)
    assert 'data-after=""' in part.content.decode()
    assert numbers(part)[-1] == 99
    assert len(part.content) < 1_300_000


def test_reasoning_and_tools_are_shown_as_far_as_the_script_shows_them(browser, ask, write):
    run = write(ask(), "Because", "r" * (SHOWN_CHARACTERS + 1_000))
    for index in range(TOOLS + 1):
        call = {"index": index, "id": str(index), "name": "n" * 300}
        store.append(run.id, (Kind.TOOL, call | {"arguments": "a" * 200_000 if index < 2 else ""}))
    for is_active in (True, False):
        page = browser.get(f"/chats/{run.session_id}").content.decode()
        assert "This reasoning is too long" in page
        assert "These tool calls are too long" in page
        assert page.count("data-tool=") == TOOLS
        assert longest(page, "r") == longest(page, "a") == MAX_STRETCH
        assert (page.count("a" * 1_000), page.count("r" * 1_000)) == (200, 500)
        assert longest(page, "n") == NAME_CHARACTERS
        if is_active:
            transitions.complete(run.id, "stop")
    export = browser.get(f"/chats/{run.session_id}/export.json").getvalue().decode()
    assert "r" * (SHOWN_CHARACTERS + 1_000) in export
    assert export.count('"arguments"') == TOOLS + 1


def longest(page: str, letter: str) -> int:
    return max(map(len, re.findall(f"{letter}+", page)))


def later_in(response) -> str | None:
    found = re.search(r'href="\?after=([^"]+)"', response.content.decode())
    return found and found[1]


def test_a_page_names_each_model_once_however_many_messages_it_has(browser, alice, model):
    """With 60 models it had 1,660 buttons."""
    session = alice.chat_sessions.create()
    before = None
    for number in range(200):
        role = Role.ASSISTANT if number % 2 else Role.USER
        html = f"<p>{'Some words of an answer. ' * 20}{number}</p>" if number % 2 else ""
        before = Message.objects.create(session=session, parent=before, role=role, content=f"m{number}", html=html)
    session.tip = before
    session.save()
    Model.objects.create(name="other", label="Other", provider=model.provider, upstream_id="o")
    url, compressed = f"/chats/{session.pk}", {"Accept-Encoding": "gzip"}
    few = browser.get(url).content
    for number in range(78):
        Model.objects.create(
            name=f"m-{number}", label=f"Betula {number} Large", provider=model.provider, upstream_id="b"
        )
    many = browser.get(url).content
    assert many.count(b"<button") == few.count(b"<button") and many.count(b"Other model<") == PAGE_MESSAGES // 2
    assert many.count(b"Betula 7 Large") == 1
    assert len(many) - len(few) < 80 * 100
    assert len(browser.get(url, headers=compressed).content) < 20_000
