"""What the page's script shows in place: a chat or the form that starts one, without what stands around it."""

import pytest

from chatapp.chats.models import Session

SCRIPT = {"headers": {"X-Requested-With": "fetch"}}


def test_a_chat_comes_alone_and_is_never_stored(browser, ask):
    session = ask().session
    page, part = browser.get(f"/chats/{session.pk}"), browser.get(f"/chats/{session.pk}", **SCRIPT)
    assert "data-sidebar" in page.content.decode()
    text = part.content.decode()
    assert text.count("<main") == 1
    assert f'data-view="{session.pk}"' in text
    assert not any(word in text for word in ("<html", "data-sidebar", "data-connection", "data-status"))
    assert "no-store" in part["Cache-Control"]  # else Back could show it as the page at this address
    assert "no-store" not in page["Cache-Control"]


def test_the_form_that_starts_a_chat_comes_alone(browser):
    part = browser.get("/", **SCRIPT)
    assert "data-composer" in part.content.decode()
    assert "data-sidebar" not in part.content.decode()


def test_a_chat_that_the_script_starts_comes_with_the_response(browser, alice, model):
    response = browser.post("/chats", {"text": "Hello"}, **SCRIPT)
    session = Session.objects.get(owner=alice)
    assert response.status_code == 200
    assert f'data-view="{session.pk}"' in response.content.decode()
    assert "Hello" in response.content.decode()


@pytest.mark.parametrize("fields", [{"text": ""}, {"text": "Hello", "temperature": "hot"}])
def test_what_cannot_be_sent_is_told_to_the_script(browser, alice, model, fields):
    response = browser.post("/chats", fields, **SCRIPT)
    assert response.status_code == 422
    assert response.json()["message"]
    assert not Session.objects.filter(owner=alice).exists()
