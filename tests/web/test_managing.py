"""Renaming and deleting a chat."""

import html

from chatapp.chats.models import Message, Session
from runs.models import Run
from runs.upstream.titles import save_title
from streams.events import Kind
from streams.models import LoggedEvent


def test_a_chat_gets_the_name_a_person_wants(browser, ask):  # B14
    session = ask("First words").session
    response = browser.post(f"/chats/{session.pk}/title", {"title": "  My\n \0<name> "})
    assert response.url == f"/chats/{session.pk}"
    page = html.unescape(browser.get(response.url).content.decode())
    assert "<title>My <name> – chatapp</title>" in page
    assert 'value="My <name>"' in page
    assert save_title(session.pk, "An automatic title") is False
    assert Session.objects.get(pk=session.pk).title == "My <name>"


def test_a_name_has_at_most_80_characters(browser, ask):  # B14
    session = ask().session
    browser.post(f"/chats/{session.pk}/title", {"title": "x" * 500})
    assert Session.objects.get(pk=session.pk).title == "x" * 80


def test_an_empty_name_gives_the_chat_back_its_first_words(browser, ask):
    session = ask("First words").session
    for title in ("Mine", " "):
        browser.post(f"/chats/{session.pk}/title", {"title": title})
    assert "<title>First words – chatapp</title>" in browser.get(f"/chats/{session.pk}").content.decode()


def test_before_a_chat_is_deleted_a_page_asks(browser, ask, write):
    run = write(ask("First words"), "Some")
    page = browser.get(f"/chats/{run.session_id}/delete").content.decode()
    assert "Delete this chat?" in page
    assert "First words" in page
    assert Session.objects.filter(pk=run.session_id).exists()


def test_deleting_a_chat_stops_what_runs_and_leaves_nothing(browser, ask, write):  # B40
    run = write(ask("First words"), "Some")
    ask("Second", session=run.session)
    assert browser.post(f"/chats/{run.session_id}/delete").url == "/"
    assert not Session.objects.exists()
    assert not Message.objects.exists()
    assert not Run.objects.exists()
    assert set(LoggedEvent.objects.values_list("kind", flat=True)) == {Kind.STOPPED}
    assert browser.get(f"/chats/{run.session_id}").status_code == 404
