"""Documents in requests to /v1: as data URIs and as uploaded files."""

import base64
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from runs.models import Run
from runs.upstream.request import build_request
from tests.files.hostile_documents import pdf

PDF = (Path(__file__).parents[1] / "files" / "documents" / "chromium.pdf").read_bytes()


def uri(content: bytes) -> str:
    return f"data:application/pdf;base64,{base64.b64encode(content).decode()}"


@pytest.fixture
def asked(program, model):
    """`asked("responses", body)`: what the model reads."""

    def asked_(path: str, body: dict) -> str:
        response = program.ask("POST", path, body)
        assert response.status_code == 200, response.content
        run = Run.objects.select_related("session", "message", "model__provider").latest("id")
        return build_request(run).payload["messages"][-1]["content"]

    return asked_


def responses(part: dict) -> dict:
    return {"input": [{"role": "user", "content": [part]}], "background": True}


def test_a_document_is_read_from_a_data_uri(asked):  # B70
    text = asked("responses", responses({"type": "input_file", "file_data": uri(PDF), "filename": "birds.pdf"}))
    assert text.startswith("File: birds.pdf\n```\n[Page 1]\nBericht über Zaunkönige")


def test_a_document_is_read_from_an_uploaded_file(asked, program):
    made = program.client.post("/v1/files", {"file": SimpleUploadedFile("birds.pdf", PDF), "purpose": "user_data"})
    text = asked("responses", responses({"type": "input_file", "file_id": made.json()["id"]}))
    assert "[Page 3]\nDritte Seite" in text


def test_a_document_that_is_refused_has_a_code_and_starts_nothing(program, model):
    body = responses({"type": "input_file", "file_data": uri(pdf("Wrens", password="x")), "filename": "a.pdf"})
    response = program.ask("POST", "responses", body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "document_encrypted")
    assert not Run.objects.exists()


def test_a_document_is_cut_at_what_programs_may_send(asked, settings):
    settings.PROGRAM_MAX_CHARACTERS = 400
    part = {"type": "input_file", "file_data": uri(pdf(*["wren " * 20] * 5)), "filename": "a.pdf"}
    assert "[This is only a part: pages 1–2 of 5. The rest was left out because it is too long.]" in asked(
        "responses", responses(part)
    )
