"""Chats with their files as a zip, for their owner: one chat, or all."""

import io
import json
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chatapp.chats.models import Message, Session
from chatapp.files.models import StoredFile
from chatapp.files.storage import file_storage
from runs.models import Model
from tests.files.pictures import picture

pytestmark = pytest.mark.one_database


@pytest.fixture
def chat(browser, model) -> Session:
    """A question with an image and a text, and one more chat."""
    Model.objects.filter(pk=model.pk).update(has_vision=True)
    files = [SimpleUploadedFile("wren.png", picture()), SimpleUploadedFile("notes.md", b"# Wrens")]
    browser.post("/chats", {"text": "Which bird?", "files": files, "alts": "A [small] bird"})
    chat = Session.objects.get()
    Session.objects.update(title="Birds")
    browser.post("/chats", {"text": "Another"})
    return chat


def image() -> StoredFile:
    return StoredFile.objects.get(media_type="image/png")


def archive(response) -> zipfile.ZipFile:
    assert response["Content-Type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))


def test_a_chat_is_exported_with_its_files_to_which_its_texts_refer(browser, chat):
    response = browser.get(f"/chats/{chat.pk}/export.zip")
    assert response["Content-Disposition"] == 'attachment; filename="birds.zip"'
    files = archive(response)
    assert files.testzip() is None
    file = image()
    path = f"files/{file.sha256[:12]}-wren.png"
    assert {"birds.md", "birds.json", path} <= set(files.namelist())
    with file_storage().open(file.place) as content:
        assert files.read(path) == content.read()
    markdown, document = files.read("birds.md").decode(), json.loads(files.read("birds.json"))
    assert f"![A \\[small\\] bird](<{path}>)" in markdown
    assert "# Wrens" in markdown
    [question] = [message for message in document["messages"] if message["role"] == "user"]
    attached = question["attachments"][0]
    assert (attached["path"], attached["alt"]) == (path, "A [small] bird")


def test_all_chats_are_in_one_file_with_what_was_uploaded(browser, chat, log_in, bob):
    Session.objects.create(owner=bob, title="Somebody else's")
    files = archive(browser.get("/chats/export.zip"))
    assert files.testzip() is None
    names = files.namelist()
    assert {"chats/0001-birds.md", "chats/0001-birds.json", "chats/0002-another.md"} <= set(names)
    assert not [name for name in names if "somebody" in name]
    path = next(name for name in names if name.endswith("-wren.png"))
    assert f"(<../{path}>)" in files.read("chats/0001-birds.md").decode()
    # It should hold nothing of hers for somebody else.
    assert archive(log_in(bob).get("/chats/export.zip")).namelist() == [
        "chats/0001-somebody-elses.md",
        "chats/0001-somebody-elses.json",
    ]


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("../../etc/passwd", "-etc_passwd"),
        ("C:\\con\\nul.png", "-C_con_nul.png"),
        ("Übersicht 2.txt", "-Übersicht_2.txt"),
        ("...", "-file"),
        ("日" * 100, "-" + "日" * 33),
        ("a." + "b" * 90, f"-a.{'b' * 19}"),
    ],
)
def test_names_in_it_are_safe_on_every_system(browser, chat, name, ending):
    StoredFile.objects.filter(pk=image().pk).update(name=name)
    names = archive(browser.get(f"/chats/{chat.pk}/export.zip")).namelist()
    assert f"files/{image().sha256[:12]}{ending}" in names


def test_a_file_that_is_gone_from_the_storage_is_named(browser, chat):
    file = image()
    file_storage().delete(file.place)
    files = archive(browser.get(f"/chats/{chat.pk}/export.zip"))
    assert files.read("missing.txt").decode() == f"files/{file.sha256[:12]}-wren.png\n"


def test_it_is_made_while_it_is_sent(browser, chat):
    """What has not been read yet when the first piece is sent, is read later."""
    pieces = iter(browser.get(f"/chats/{chat.pk}/export.zip").streaming_content)
    first = next(pieces)
    Message.objects.filter(session=chat).update(content="changed")
    files = zipfile.ZipFile(io.BytesIO(first + b"".join(pieces)))
    assert "changed" in files.read("birds.json").decode()
