"""Many chats at once: archive, delete."""

import pytest

from chatapp.chats.models import Session
from streams.events import Kind
from streams.models import LoggedEvent
from tests.web.test_frame import words


@pytest.fixture
def chats(alice):
    return [alice.chat_sessions.create(title=f"Chat {number}") for number in range(3)]


def test_what_was_selected_is_archived_and_nothing_else(browser, chats):
    assert "Chat 1" in words(browser.get("/chats/select"))
    form = {"session": [str(chats[0].pk), str(chats[2].pk)], "action": "archive"}
    assert browser.post("/chats/select", form).url == "/chats/select"
    page = browser.get("/chats/select")
    assert "2 chats archived." in words(page)
    assert list(Session.objects.filter(archived_at=None)) == [chats[1]]


def test_deleting_asks_first(browser, ask, chats):
    stream = ask(session=chats[1]).pk
    form = {"session": [str(chats[1].pk)], "action": "delete"}
    question = browser.post("/chats/select", form)
    assert "Delete 1 chat?" in words(question)
    assert Session.objects.count() == 3
    browser.post("/chats/select", form | {"confirmed": "1"})
    assert set(Session.objects.all()) == {chats[0], chats[2]}
    assert LoggedEvent.objects.filter(stream=stream).latest("seq").kind == Kind.STOPPED  # a worker writes nothing more


@pytest.mark.parametrize("chosen", [[], ["x", "\0", "٣" * 36], ["00000000-0000-0000-0000-000000000000"]])
@pytest.mark.parametrize("action", ["archive", "delete"])
def test_nothing_selected_changes_nothing(browser, chats, chosen, action):
    assert browser.post("/chats/select", {"session": chosen, "action": action, "confirmed": "1"}).url == "/chats/select"
    assert "Select at least one chat." in words(browser.get("/chats/select"))
    assert Session.objects.filter(archived_at=None).count() == 3


@pytest.mark.parametrize("person", ["bob", "charlie"])
def test_chats_of_others_cannot_be_selected(request, log_in, chats, model, person):
    client = log_in(request.getfixturevalue(person))
    form = {"session": [str(chats[0].pk)], "action": "delete", "confirmed": "1"}
    client.post("/chats/select", form)
    assert Session.objects.filter(archived_at=None).count() == 3
    assert "Chat 0" not in words(client.get("/chats/select"))


@pytest.mark.parametrize("action", ["sell", ""])
def test_an_unknown_action_is_refused(browser, chats, action):
    response = browser.post("/chats/select", {"session": [str(chats[0].pk)], "action": action})
    assert response.status_code == 400
    assert Session.objects.filter(archived_at=None).count() == 3
