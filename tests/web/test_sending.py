"""Sending without JavaScript, and what the script is answered."""

import re

import pytest

from chatapp.chats.models import Message, Session
from runs.lifecycle import transitions
from runs.models import Model, Run
from tests.web.test_frame import words

SCRIPT = {"headers": {"X-Requested-With": "fetch"}}


def key_of(response) -> str:
    """The one-time key in the form of a page."""
    return re.search(r'name="key" value="([0-9a-f]{32})"', response.content.decode())[1]


def texts() -> list[str]:
    return [message.content for message in Message.objects.filter(role="user")]


def test_the_first_message_makes_the_session(browser, alice):
    response = browser.post("/chats", {"text": "Hello\r\nthere", "key": key_of(browser.get("/"))})
    session = Session.objects.get()
    assert response.url == f"/chats/{session.pk}#end"
    assert (session.owner, session.model) == (alice, "model")
    assert texts() == ["Hello\nthere"]
    assert Run.objects.get().session == session


def test_a_nul_byte_that_no_database_stores_is_left_out(browser):
    browser.post("/chats", {"text": "Hel\0lo", "model": "mod\0el", "key": "a\0b"})
    assert texts() == ["Hello"]


def test_a_second_message_goes_to_the_same_session(browser, ask):
    session = ask("First").session
    response = browser.post(f"/chats/{session.pk}/messages", {"text": "Second"})
    assert response.url == f"/chats/{session.pk}#end"
    assert texts() == ["First", "Second"]
    assert Session.objects.count() == 1


def test_a_double_click_on_a_new_chat_is_one_chat_with_one_message(browser):  # B22
    form = {"text": "Once", "key": key_of(browser.get("/"))}
    first, second = browser.post("/chats", form), browser.post("/chats", form)
    assert first.url == second.url
    assert (Session.objects.count(), texts()) == (1, ["Once"])


def test_a_double_click_in_a_chat_is_one_message(browser, ask):  # B22
    url = f"/chats/{ask('First').session_id}"
    form = {"text": "Once", "key": key_of(browser.get(url))}
    for _ in range(2):
        browser.post(f"{url}/messages", form)
    assert texts() == ["First", "Once"]
    assert Run.objects.count() == 2


def test_another_text_typed_into_a_page_that_came_back_is_another_message(browser):
    key = key_of(browser.get("/"))
    browser.post("/chats", {"text": "One", "key": key})
    browser.post("/chats", {"text": "Two", "key": key})
    assert texts() == ["One", "Two"]


def test_the_same_key_of_another_user_is_another_session(browser, log_in, bob):
    key = key_of(browser.get("/"))
    urls = {client.post("/chats", {"text": "Hi", "key": key}).url for client in (browser, log_in(bob))}
    assert len(urls) == 2


BAD = {
    "empty": ({"text": " \r\n "}, "The message is empty."),
    "too long": ({"text": "x" * 100_001}, "The message is too long: 100,001 characters. The limit is 100,000."),
    "unknown model": ({"text": "Keep me", "model": "gone"}, "This model is not available. Choose another one."),
}


@pytest.mark.parametrize(("form", "sentence"), BAD.values(), ids=BAD)
def test_what_cannot_be_sent_stays_in_the_field_of_a_new_chat(browser, form, sentence):
    response = browser.post("/chats", form)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert form["text"].replace("\r\n", "\n") in response.content.decode()
    assert not Session.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize(("form", "sentence"), BAD.values(), ids=BAD)
def test_what_cannot_be_sent_stays_in_the_field_of_a_chat(browser, ask, form, sentence):
    response = browser.post(f"/chats/{ask('First').session_id}/messages", form)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert form["text"].replace("\r\n", "\n") in response.content.decode()
    assert texts() == ["First"]


def test_the_script_is_told_what_was_wrong(browser, ask):
    response = browser.post(f"/chats/{ask().session_id}/messages", {"text": ""}, **SCRIPT)
    assert response.status_code == 422
    assert response.json() == {"code": "prompt_empty", "message": "The message is empty."}


def test_without_a_model_the_page_says_what_is_missing(log_in, alice):
    response = log_in(alice).get("/")
    assert "No model is connected yet." in words(response)


def test_the_script_gets_the_messages_it_does_not_have(browser, ask, write):
    run = write(ask("First"), "One")
    transitions.complete(run.id, "stop")
    form = {"text": "Second", "after": str(run.message_id)}
    page = browser.post(f"/chats/{run.session_id}/messages", form, **SCRIPT).content.decode()
    assert f'data-after="{run.message_id}"' in page
    assert page.count("<article") == 2
    assert "Second" in page
    assert "First" not in page


@pytest.mark.parametrize("after", ["", "garbage", "00000000-0000-0000-0000-000000000000"])
def test_a_script_that_names_no_message_of_the_session_gets_all(browser, ask, after):
    run = ask()
    page = browser.get(f"/chats/{run.session_id}/messages?after={after}", **SCRIPT).content.decode()
    assert 'data-after=""' in page
    assert page.count("<article") == 2


def test_the_address_of_the_messages_leads_a_person_to_the_session(browser, ask):
    run = ask()
    assert browser.get(f"/chats/{run.session_id}/messages").url == f"/chats/{run.session_id}"


def test_the_session_remembers_the_model(browser, model):
    other = Model.objects.create(name="other", label="Other", provider=model.provider, upstream_id="o")
    url = browser.post("/chats", {"text": "Hi", "model": "other"}).url
    assert Run.objects.get().model == other
    assert '<option value="other" selected>Other</option>' in browser.get(url).content.decode()


def test_a_model_that_was_switched_off_gives_way_to_the_default(browser, model, ask):
    session = ask().session
    Session.objects.filter(pk=session.pk).update(model="gone")
    assert '<input type="hidden" name="model" value="model">' in browser.get(f"/chats/{session.pk}").content.decode()
