"""Documents that go with a message: read, cut where they are too long, looked at, and found."""

import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chatapp.chats.models import Attachment, Message, Session
from chatapp.files.models import StoredFile
from runs.lifecycle import transitions
from runs.models import Run
from runs.upstream.request import build_request
from tests.files.hostile_documents import pdf

DOCUMENTS = Path(__file__).parents[1] / "files" / "documents"
PDF = (DOCUMENTS / "chromium.pdf").read_bytes()


def post(browser, *files: tuple[str, bytes], text="What is in it?", path="/chats", **fields):
    uploads = [SimpleUploadedFile(name, content) for name, content in files]
    return browser.post(path, {"text": text, "files": uploads, **fields})


def asked() -> str:
    """What the model reads of the last message."""
    run = Run.objects.select_related("session", "message", "model__provider").latest("id")
    return build_request(run).payload["messages"][-1]["content"]


def kept_fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(kept_\w+_0)" value="([^"]*)"', page)) | {"kept": "0"}


def test_the_model_reads_the_pages_of_a_pdf(browser):  # B70
    post(browser, ("birds.pdf", PDF))
    assert asked().startswith("What is in it?\n\nFile: birds.pdf\n```\n[Page 1]\nBericht über Zaunkönige\n")
    assert "[Page 3]\nDritte Seite" in asked()
    assert Attachment.objects.get().file.sha256


def test_the_sender_sees_what_the_model_reads_and_how_it_was_read(browser):  # B70
    path = post(browser, ("list.csv", "名前,住所\n山田太郎,東京都千代田区\n".encode("shift_jis"))).url
    page = browser.get(path.removesuffix("#end")).content.decode()
    assert re.search(r"list\.csv</bdi> <span[^>]*>[^<]* · read as Shift-JIS</span>", page)
    assert "山田太郎,東京都千代田区" in page
    assert f'href="/files/{StoredFile.objects.get().pk}"' in page
    assert "山田太郎" in asked()


def test_a_document_that_is_too_long_is_cut_and_both_are_told(browser, settings):  # B70
    settings.PROMPT_MAX_CHARACTERS = 400
    path = post(browser, ("birds.pdf", pdf(*["wren " * 20] * 5)), text="").url
    note = "pages 1–2 of 5"
    assert f"[This is only a part: {note}. The rest was left out because it is too long.]" in asked()
    assert f" · {note}</span>" in browser.get(path.removesuffix("#end")).content.decode()


def test_pages_are_chosen_in_the_form_that_keeps_the_document(browser, settings):  # B83
    settings.PROMPT_MAX_CHARACTERS = 5_000
    refused = post(browser, ("birds.pdf", PDF), text="x" * 5_000).content.decode()
    file = StoredFile.objects.get()
    assert f'href="/files/{file.pk}/text"' in refused
    fields = kept_fields(refused) | {"text": "And now?", "kept_pages_0": "2-"}
    assert browser.post("/chats", fields).status_code == 302
    assert Attachment.objects.get().note == "pages 2–3 of 3"
    assert "Waldkauz" in asked() and "Zaunkönige" not in asked()
    assert "The rest was left out by the sender." in asked()


def test_pages_that_do_not_exist_are_refused_and_nothing_typed_is_lost(browser):  # B83
    post(browser, ("birds.pdf", PDF))
    fields = {"kept": "0", "kept_name_0": "birds.pdf", "kept_file_0": str(StoredFile.objects.get().pk)}
    response = browser.post("/chats", fields | {"text": "And now?", "kept_pages_0": "7-9"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "There are 3 pages. Write those to read like this: 1-5, 8." in page
    assert 'name="kept_pages_0" value="7-9"' in page
    assert "And now?</textarea>" in page


def test_a_draft_keeps_the_pages(browser, model, alice):
    session = alice.chat_sessions.create()
    post(browser, ("birds.pdf", PDF), path=f"/chats/{session.pk}/messages")
    file, run = StoredFile.objects.get(), Run.objects.get()
    fields = {"kept": "0", "kept_name_0": "birds.pdf", "kept_file_0": str(file.pk), "kept_pages_0": "2"}
    browser.post(f"/runs/{run.pk}/stop", fields | {"text": "later"})
    page = browser.get(f"/chats/{session.pk}").content.decode()
    assert 'name="kept_pages_0" value="2"' in page
    assert f'href="/files/{file.pk}/text?pages=2"' in page


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.pdf", pdf("Wrens", password="secret"), "This document is protected by a password."),
        ("a.docx", PDF[:500], "This document is damaged"),
        ("a.pdf", pdf(""), "There is no text in this document."),
    ],
)
def test_a_document_that_is_refused_costs_nothing_that_was_typed(browser, name, content, sentence):  # B83
    response = post(browser, (name, content))
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert "What is in it?</textarea>" in response.content.decode()
    assert not Message.objects.exists()
    assert not StoredFile.objects.exists()


def test_words_of_documents_are_found_by_the_search_page(browser):
    post(browser, ("birds.pdf", PDF))
    post(browser, ("Vögel.docx", (DOCUMENTS / "docx-js.docx").read_bytes()))
    first, second = Session.objects.order_by("pk").values_list("pk", flat=True)
    for query, session in (("waldkauz", first), ("amsel singt", second), ("鷦鷯", second), ("鷯", second)):
        hits = browser.get("/search", {"q": query}).content.decode().partition("data-hits")[2]
        assert set(re.findall(r'<a href="/chats/([0-9a-f-]{36})', hits)) == {str(session)}, query


# -- the page of what a model reads -------------------------------------------------------------------


def test_the_page_shows_the_text_and_takes_pages(browser):  # B70
    post(browser, ("<b>.pdf", PDF))
    path = f"/files/{StoredFile.objects.get().pk}/text"
    page = browser.get(path).content.decode()
    assert "It has 3 pages." in page and "Eisvogel" in page and "&lt;b&gt;.pdf" in page
    page = browser.get(path, {"pages": "1"}).content.decode()
    assert "Here: page 1 of 3." in page and "Eisvogel" not in page
    response = browser.get(path, {"pages": "9"})
    assert response.status_code == 422
    assert "There are 3 pages." in response.content.decode()


def test_the_page_is_the_owner_s_alone(browser, log_in, bob):  # B55
    post(browser, ("birds.pdf", PDF))
    path = f"/files/{StoredFile.objects.get().pk}/text"
    assert log_in(bob).get(path).status_code == 404
    assert log_in(None).get(path).status_code == 302


def test_text_in_a_document_is_never_a_page(browser):
    post(browser, ("x.html", b"<p>one</p><script>alert(1)</script><p>&lt;script&gt;alert(2)&lt;/script&gt;"))
    page = browser.get(f"/files/{StoredFile.objects.get().pk}/text").content.decode()
    assert "alert(1)" not in page
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in page


def test_another_version_of_a_question_keeps_what_was_chosen(browser, write):
    post(browser, ("birds.pdf", PDF))
    transitions.complete(write(Run.objects.get(), "So").pk, "stop")
    fields = {"kept": "0", "kept_name_0": "b.pdf", "kept_file_0": str(StoredFile.objects.get().pk), "kept_pages_0": "2"}
    browser.post(f"/chats/{Session.objects.get().pk}/messages", fields | {"text": "This page"})
    run = Run.objects.latest("id")
    transitions.complete(write(run, "So").pk, "stop")
    browser.post(f"/messages/{run.message.parent_id}/edit", {"text": "That page"})
    assert list(Attachment.objects.order_by("pk").values_list("note", flat=True)) == ["", *["page 2 of 3"] * 2]
