"""Forms of a page whose log-in has expired: back to that page, and nothing that was typed is lost (B83)."""

import re
from html import unescape
from urllib.parse import unquote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chatapp.chats.models import Message
from chatapp.schedules.models import Schedule
from chatapp.web.shell.expired import NOTICE, Form
from tests.web.test_frame import words

pytestmark = pytest.mark.one_database

SITE = "http://testserver"
PASSWORD = "a long and quiet river"


@pytest.fixture
def alice(alice):
    alice.set_password(PASSWORD)
    alice.save()
    return alice


@pytest.fixture
def stranger(log_in, db):
    """A browser whose log-in has expired."""
    return log_in(None)


def fields_of(response) -> dict[str, str]:
    """What the form on a page would post."""
    page = response.content.decode().partition("<form")[2]
    inputs = re.findall(r'<input [^>]*name="([^"]+)"[^>]*value="([^"]*)"', page)
    texts = re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    return {name: unescape(value) for name, value in [*inputs, *texts]}


def log_in_again(client, response):
    return client.post("/login", fields_of(response) | {"username": "alice", "password": PASSWORD})


def pages(session):
    chat = f"/chats/{session.pk}"
    return [
        (f"{chat}/title", f"{chat}?at=1", f"{chat}?at=1"),
        (f"{chat}/title", None, chat),
        (f"{chat}/messages", None, f"{chat}/messages"),  # which leads a browser to the chat
        ("/settings/tokens", "/settings/tokens", "/settings"),
        ("/settings/password", "/settings", "/settings"),
        ("/schedules/new", "/schedules/new?preset=daily", "/schedules/new?preset=daily"),
        ("/compare", "/compare?like=1", "/compare?like=1"),
        ("/chats", "/", "/"),
        ("/chats", "/chats", "/"),
        ("/chats", "/nowhere/at/all", "/"),
        (f"{chat}/title", "https://elsewhere.example/settings", chat),
    ]


def test_the_log_in_leads_to_the_page_of_the_form_and_never_to_one_that_only_takes_forms(stranger, ask, browser):
    for path, referrer, target in pages(ask().session):
        headers = {"Referer": referrer if "://" in referrer else SITE + referrer} if referrer else {}
        response = stranger.post(path, headers=headers)
        assert (response.status_code, unquote(response.url)) == (302, f"/login?next={target}")
        assert browser.get(target).status_code in (200, 302)
    assert NOTICE in words(stranger.get(response.url))


def test_a_message_is_kept_over_the_log_in_with_its_files_and_can_be_sent(stranger, ask, alice, browser):
    session = ask().session
    text = "A thought\n  with <marks> & all"
    posted = {"text": text, "key": "k", "sender": alice.pk, "files": SimpleUploadedFile("plan.md", b"# Plan\n")}
    response = stranger.post(f"/chats/{session.pk}/messages", posted, headers={"Referer": f"{SITE}/chats/{session.pk}"})
    assert response.status_code == 401
    assert "You’re logged out. Log in – your text is saved." in words(response)
    assert "drafts" not in stranger.session  # nothing is stored for a stranger
    # It should survive a wrong password.
    wrong = stranger.post("/login", fields_of(response) | {"username": "alice", "password": "wrong"})
    response = log_in_again(stranger, wrong)
    assert response.url == f"/chats/{session.pk}"
    page = stranger.get(response.url)
    kept = fields_of(page)
    assert [kept[name] for name in ("text", "kept", "kept_name_0", "kept_text_0")] == [text, "0", "plan.md", "# Plan\n"]
    assert stranger.post(f"/chats/{session.pk}/messages", kept).status_code == 302
    message = Message.objects.filter(session=session, role="user").last()
    assert (message.content, [(file.name, file.text) for file in message.attachments.all()]) == (
        text,
        [("plan.md", "# Plan\n")],
    )
    assert "A thought" not in fields_of(stranger.get(response.url))["text"]


def test_the_first_message_of_a_chat_is_kept_too(stranger, alice, browser):
    posted = {"text": "A first thought", "sender": alice.pk}
    response = stranger.post("/chats", posted, headers={"Referer": f"{SITE}/"})
    response = log_in_again(stranger, response)
    assert (response.url, fields_of(stranger.get("/"))["text"]) == ("/", "A first thought")


def test_any_other_form_is_offered_to_be_sent_again(stranger, alice, browser):
    """Without passwords; and a wrong password at the log-in loses nothing."""
    posted = {
        "name": "News",
        "prompt": "What is new\n<today>?",
        "kind": "weekly",
        "weekdays": ["0", "3"],
        "at": "07:15",
    }
    posted |= {"zone": "UTC", "target": "new", "missed": "skip", "overlap": "skip", "notify": "all"}
    response = stranger.post("/schedules/new", posted, headers={"Referer": f"{SITE}/schedules/new"})
    assert "your text is saved" in words(response)
    names, values = zip(*Form.posted(response.wsgi_request).fields, strict=True)
    again = {"again": "/schedules/new", "next": "/schedules/new", "again_name": names, "again_value": values}
    wrong = stranger.post("/login", again | {"username": "alice", "password": "wrong"})
    assert "What is new\n&lt;today&gt;?</textarea>" in wrong.text
    response = stranger.post("/login", again | {"username": "alice", "password": PASSWORD})
    assert "What you sent earlier wasn’t received" in words(response)
    kept = fields_of(response)
    assert kept["prompt"] == "What is new\n<today>?"
    assert stranger.post("/schedules/new", kept | {"weekdays": ["0", "3"]}).status_code == 302
    schedule = Schedule.objects.get(owner=alice)
    assert (schedule.name, schedule.prompt) == ("News", "What is new\n<today>?")


def test_a_password_is_not_carried_through_a_page(stranger, browser):
    form = {"old_password": "secret one", "new_password1": "secret two", "new_password2": "secret two"}
    response = stranger.post("/settings/password", form)
    assert (response.status_code, "secret" in response.text) == (302, False)


@pytest.mark.parametrize("path", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", "x"])
def test_nothing_is_sent_again_to_another_site(path, stranger, alice):
    form = {"again": path, "again_name": "text", "again_value": "words"}
    response = stranger.post("/login", form | {"username": "alice", "password": PASSWORD})
    assert (response.status_code, response.url) == (302, "/")


def test_nobody_else_gets_the_message(stranger, bob, alice, browser):
    response = stranger.post(
        "/chats", {"text": "A thought of Bob's", "sender": bob.pk}, headers={"Referer": f"{SITE}/"}
    )
    log_in_again(stranger, response)
    assert "Bob" not in stranger.get("/").content.decode().partition("<form")[2]


def test_files_stay_with_a_message_that_was_refused(browser, settings):
    """A browser forgets the chosen files with every page."""
    settings.PROMPT_MAX_CHARACTERS = 50
    file = SimpleUploadedFile("plan.md", b"# Plan")
    refused = browser.post("/chats", {"text": "x" * 50, "files": file})
    assert refused.status_code == 422
    assert browser.post("/chats", fields_of(refused) | {"text": "short"}).status_code == 302
    assert Message.objects.get(role="user").attachments.get().text == "# Plan"
