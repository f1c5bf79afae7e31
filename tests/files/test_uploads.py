"""Uploads on their way in: those of strangers, those that are cut off, and those for which the disk has no room."""

import socket
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from chatapp.accounts.models import Token
from chatapp.files import uploads
from chatapp.files.models import StoredFile
from chatapp.middleware.body_limits import most_bytes_of_strangers
from tests.files.conftest import contents
from tests.harness.people import Person

LARGE = b"wren\n" * 600_000  # 3 MB: more than a stranger may send


def form_with(content: bytes, name: str = "wrens.txt") -> bytes:
    return encode_multipart(BOUNDARY, {"file": SimpleUploadedFile(name, content)})


def request_of(path: str, headers: dict[str, str], **framing: object) -> bytes:
    lines = {"Host": "127.0.0.1", "Connection": "close", "Content-Type": MULTIPART_CONTENT, **headers, **framing}
    head = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())]
    return "".join(f"{line}\r\n" for line in [*head, ""]).encode()


def connect(stack) -> socket.socket:
    address = urlsplit(stack.url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def answer(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture
def sender(stack) -> Person:
    return stack.person("alice")


# -- who sends it ----------------------------------------------------------------------------------


@pytest.mark.stack
@pytest.mark.parametrize("path", ["/chats", "/api/v1/files", "/v1/files"])
def test_a_made_up_credential_is_that_of_a_stranger(stack, path):
    """Refused though nothing of the body has been sent."""
    made_up = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={'k' * 32}", "Authorization": "Bearer made-up"}
    with closing(connect(stack)) as connection:
        connection.sendall(request_of(path, made_up, **{"Content-Length": 50_000_000}))
        assert answer(connection).startswith(b"HTTP/1.1 401 ")


@pytest.mark.stack
def test_who_is_known_may_send_more(stack, sender):
    assert len(LARGE) > most_bytes_of_strangers("/chats")
    body = form_with(LARGE)
    reply = sender.request("POST", "/api/v1/files", body, {**sender.bearer, "Content-Type": MULTIPART_CONTENT})
    assert (reply.status, reply.json()["size"]) == (201, len(LARGE))
    session = sender.request("POST", "/chats", body, {**sender.cookie_header, "Content-Type": MULTIPART_CONTENT})
    assert session.status == 403, "it came as far as the check of forms"


@pytest.mark.stack
def test_a_body_may_be_complete_before_its_sender_is_known(stack, sender):
    """In pieces, without a length: the last piece comes with the one that makes it large."""
    body = form_with(b"w" * most_bytes_of_strangers("/api/v1/files"))
    with closing(connect(stack)) as connection:
        connection.sendall(request_of("/api/v1/files", sender.bearer, **{"Transfer-Encoding": "chunked"}))
        connection.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        assert answer(connection).startswith(b"HTTP/1.1 201 ")


# -- cut off ---------------------------------------------------------------------------------------


@pytest.mark.stack
def test_an_upload_whose_client_leaves_stores_nothing(stack, sender):  # B69
    body = form_with(LARGE)
    with closing(connect(stack)) as connection:
        connection.sendall(request_of("/api/v1/files", sender.bearer, **{"Content-Length": len(body)}))
        connection.sendall(body[:-1_000_000])
    with closing(connect(stack)) as connection:  # its server still serves
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert b" 200 OK" in answer(connection)
    assert not StoredFile.objects.filter(owner=sender.user).exists()


@pytest.mark.stack
@pytest.mark.long
@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_an_upload_whose_web_server_is_killed_leaves_nothing(make_stack, server, tmp_path):  # B69
    stack = make_stack(("valkey", "web"), server=server, TMPDIR=str(tmp_path))
    alice, body = Person(stack.url, "alice"), form_with(LARGE)
    with closing(connect(stack)) as connection:
        connection.sendall(request_of("/api/v1/files", alice.bearer, **{"Content-Length": len(body)}))
        connection.sendall(body[:-1_000_000])
        stack.web.kill()
    assert not StoredFile.objects.exists()
    assert contents(tmp_path) == []
    assert not list((stack.directory / "files").rglob("*"))
    stack.start_part(stack.web)
    reply = alice.request("POST", "/api/v1/files", body, {**alice.bearer, "Content-Type": MULTIPART_CONTENT})
    assert reply.status == 201, "sent again, it is stored"


def test_an_upload_that_is_kept_for_a_while_has_no_name(settings, tmp_path):
    """It would stay when its process is killed."""
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    handler = uploads.UnnamedFileUpload()
    handler.new_file("file", "a.txt", "text/plain", 3)
    handler.receive_data_chunk(b"Wrens" * 10_000, 0)
    assert list(tmp_path.iterdir()) == []
    upload = handler.file_complete(50_000)
    assert (upload.name, upload.size, upload.read()) == ("a.txt", 50_000, b"Wrens" * 10_000)
    upload.close()


# -- a full disk -----------------------------------------------------------------------------------


@pytest.fixture
def full_disk(monkeypatch):
    """Where the system keeps uploads meanwhile, there is no room: ENOSPC, said by the kernel."""
    monkeypatch.setattr(uploads, "TemporaryFile", lambda **options: open("/dev/full", "w+b", 0))  # noqa: SIM115


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("path", "name", "words"),
    [
        ("/chats", "files", "Files can’t be stored at the moment"),
        ("/api/v1/files", "file", '"code": "file_storage_full"'),
        ("/v1/files", "file", '"code": "file_storage_full"'),
    ],
)
def test_a_full_disk_is_said_by_pages_and_apis(full_disk, alice, settings, path, name, words):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    client, token = Client(), Token.objects.create(alice)[1]
    client.force_login(alice)
    form = {"text": "Look", name: SimpleUploadedFile("wrens.txt", b"Wrens, all of them")}
    response = client.post(path, form, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 507
    assert words in response.content.decode().replace('":"', '": "')
    assert not StoredFile.objects.exists()
