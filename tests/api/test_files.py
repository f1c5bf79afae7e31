"""Files through the API: upload, list, read, send, delete."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chatapp.chats.models import Attachment
from runs.models import Run
from runs.upstream.request import build_request
from tests.api.test_errors import assert_problem

DOCUMENTS = Path(__file__).parents[1] / "files" / "documents"
pytestmark = pytest.mark.one_database


def upload(program, content=b"Wrens\r\n", name="notes.md"):
    headers = {"Authorization": f"Bearer {program.token}"}
    return program.client.post("/api/v1/files", {"file": SimpleUploadedFile(name, content)}, headers=headers)


def test_a_file_is_uploaded_listed_read_and_deleted(alice):  # B69
    made = upload(alice)
    assert made.status_code == 201
    file = made.json()
    assert {name: file[name] for name in ("name", "media_type", "size")} == {
        "name": "notes.md", "media_type": "text/markdown", "size": 7,
    }  # fmt: skip
    assert made["Location"] == f"/api/v1/files/{file['id']}"
    assert alice.get("files").json()["items"] == [file]
    assert alice.get(f"files/{file['id']}").json() == file
    assert b"".join(alice.get(f"files/{file['id']}/content").streaming_content) == b"Wrens\r\n"
    assert alice.delete(f"files/{file['id']}").status_code == 204
    assert alice.get(f"files/{file['id']}").status_code == 404


def test_a_message_holds_the_files_that_it_names_and_the_model_reads_them(alice, session, model):  # B69
    file = upload(alice).json()
    run = alice.ask(session, "Look", files=[file["id"]])
    [attachment] = alice.get(f"messages/{run.message.parent_id}").json()["attachments"]
    assert attachment == {
        "name": "notes.md", "media_type": "text/markdown", "size": 7, "text": "Wrens\n", "file": file["id"],
    }  # fmt: skip
    run = Run.objects.select_related("session", "model__provider", "message").get(pk=run.pk)
    [message] = build_request(run).payload["messages"]
    assert message["content"] == "Look\n\nFile: notes.md\n```\nWrens\n```"
    assert alice.get(f"files/{file['id']}").json()["kept_until"] is None
    assert_problem(alice.delete(f"files/{file['id']}"), 409, "file_in_use")


def test_a_file_of_another_user_cannot_be_sent(alice, bob, session, model):  # B55
    file = upload(bob).json()
    response = alice.post(f"sessions/{session.pk}/messages", {"text": "Look", "files": [file["id"]]})
    assert_problem(response, 422, "file_unknown")
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "file_empty"),
        (b"x" * 1_001, 413, "file_too_large"),
        (b"\xff\xfe\0", 415, "file_type_unsupported"),
        (b"x" * 900, 413, "file_quota_exceeded"),
    ],
)
def test_a_file_that_is_refused_has_a_code(alice, settings, content, status, code):
    settings.FILE_MAX_BYTES, settings.USER_MAX_FILE_BYTES = 1_000, 800
    assert_problem(upload(alice, content), status, code)
    assert alice.get("files").json()["items"] == []


def test_a_form_without_a_file_is_invalid(alice):
    assert_problem(alice.client.post("/api/v1/files", {"name": "x"}), 422, "invalid")


def test_what_is_not_a_form_is_refused(alice):
    assert_problem(alice.post("files", {}), 415, "unsupported_media_type")


def test_a_document_has_parts_and_the_text_that_a_model_reads(alice):  # B70
    made = upload(alice, (DOCUMENTS / "chromium.pdf").read_bytes(), "birds.pdf").json()
    assert (made["media_type"], made["parts"], made["encoding"]) == ("application/pdf", 3, "")
    read = alice.get(f"files/{made['id']}/text?pages=2").json()
    assert read["note"] == "page 2 of 3"
    assert "Waldkauz" in read["text"]
    assert_problem(alice.get(f"files/{made['id']}/text?pages=9"), 422, "pages_invalid")


def test_the_encoding_of_a_text_is_told(alice):
    assert upload(alice, "名前,住所".encode("shift_jis"), "a.csv").json()["encoding"] == "cp932"
