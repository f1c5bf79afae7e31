"""From a hit of a search to its message, however far back in the chat it is."""

import html
import re

import pytest

from chatapp.chats.models import Message, Role, Session
from tests.web.test_frame import words


def chat_of(alice, count: int) -> tuple[Session, list[Message]]:
    """A chat of so many messages, one after the other."""
    session, messages = Session.objects.create(owner=alice), []
    for number in range(count):
        messages.append(
            Message.objects.create(
                session=session,
                parent=messages[-1] if messages else None,
                role=(Role.USER, Role.ASSISTANT)[number % 2],
                content=f"Number {number}",
                html=f"<p>Number {number}</p>" if number % 2 else "",
            )
        )
    Session.objects.filter(pk=session.pk).update(tip=messages[-1])
    return session, messages


def numbers_in(response) -> list[int]:
    """The numbers of the messages in the transcript."""
    transcript = response.content.decode().rpartition("data-transcript")[2].partition("</main>")[0]
    return [
        int(number) for number in re.findall(r"Number (\d+)<", re.sub(r"(?s)<textarea.*?</textarea>", "", transcript))
    ]


def test_a_hit_far_back_opens_the_messages_around_it(alice, browser):
    session, messages = chat_of(alice, 120)
    Message.objects.filter(pk=messages[31].pk).update(
        content="a camel", html='<p title="camel">a camel &amp; camels</p>'
    )
    page = browser.get("/search?q=camel amp").content.decode()
    assert "at=" not in page.partition("data-hits")[2]  # no entity is a word
    page = browser.get("/search?q=camel").content.decode()
    link = html.unescape(re.search(r'<a href="(/chats/[^"]+)"', page.partition("data-hits")[2])[1])
    assert link.endswith(f"?at={messages[31].pk}&q=camel#m-{messages[31].pk}")
    response = browser.get(link)
    page = response.content.decode()
    assert '<p title="camel">a <mark>camel</mark> &amp; <mark>camel</mark>s</p>' in page
    assert re.search(rf'<article [^>]*id="m-{messages[31].pk}"[^>]* tabindex="-1" data-target', page)
    assert numbers_in(response) == [*range(11, 31), *range(32, 51)]
    # It should lead to those before and to those after, with and without a script.
    chat = f"/chats/{session.pk}"
    assert f"{chat}?before={messages[11].pk}" in page
    assert f'"?after={messages[50].pk}' in page
    assert numbers_in(browser.get(f"{chat}?after={messages[50].pk}")) == [*range(51, 91)]
    part = browser.get(f"{chat}/messages?later={messages[90].pk}", headers={"X-Requested-With": "fetch"})
    assert (numbers_in(part), "data-later" in part.content.decode()) == ([*range(91, 120)], False)
    assert numbers_in(browser.get(chat))[-1] == 119


def test_a_message_that_is_long_is_shown_although_those_before_it_fill_a_page(alice, browser):
    session, messages = chat_of(alice, 30)
    Message.objects.filter(pk=messages[14].pk).update(content="x" * 900_000)
    Message.objects.filter(pk=messages[15].pk).update(content="Number 15 " * 60_000, html="")
    assert f'id="m-{messages[15].pk}"' in browser.get(f"/chats/{session.pk}?at={messages[15].pk}").content.decode()


def test_a_hit_in_another_version_is_offered(alice, browser):
    session, messages = chat_of(alice, 4)
    Session.objects.filter(pk=session.pk).update(tip=messages[1])
    other = Message.objects.create(session=session, parent=messages[1], role=Role.USER, content="Number 9")
    Session.objects.filter(pk=session.pk).update(tip=other)
    page = browser.get(f"/chats/{session.pk}?at={messages[3].pk}")
    assert "The message is in another version of this chat." in words(page)
    assert numbers_in(page) == [0, 1, 9]
    response = browser.post(f"/messages/{messages[3].pk}/branch", {"at": messages[3].pk})
    assert response.url == f"/chats/{session.pk}?at={messages[3].pk}#m-{messages[3].pk}"
    assert numbers_in(browser.get(response.url)) == [0, 1, 2, 3]


@pytest.mark.parametrize("at", ["", "x", "1764460000.123", "00000000-0000-4000-8000-000000000000"])
def test_what_is_no_message_of_the_chat_opens_its_end(at, alice, browser):
    session, _ = chat_of(alice, 60)
    page = browser.get(f"/chats/{session.pk}", {"at": at, "q": "\0(" * 500})
    assert numbers_in(page) == [*range(20, 60)]
    assert "another version" not in words(page)
