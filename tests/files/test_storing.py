"""A file is stored whole or not at all, once for each owner and content, within a quota."""

import errno
import hashlib
from threading import Barrier, Thread

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from chatapp.files import actions
from chatapp.files.actions import store
from chatapp.files.deletion import delete_due
from chatapp.files.errors import (
    DocumentInvalid,
    FileEmpty,
    FileQuotaExceeded,
    FileRefused,
    FileStorageFull,
    FileTooLarge,
    FileTypeUnsupported,
)
from chatapp.files.models import FileState, StoredFile
from chatapp.files.storage import DurableFolder
from tests.files.conftest import contents
from tests.files.pictures import picture


def assert_nothing_stored(folder) -> None:
    assert not StoredFile.objects.exists()
    assert contents(folder) == []


def test_a_file_is_stored_with_what_was_found_in_it(alice, upload, folder):  # B69
    file = upload(alice, b"# Wrens", "notes.md")
    assert (file.owner, file.name, file.media_type, file.size) == (alice, "notes.md", "text/markdown", 7)
    assert file.sha256 == hashlib.sha256(b"# Wrens").hexdigest()
    assert file.state == FileState.STORED
    assert contents(folder) == [b"# Wrens"]
    assert [path.stat().st_mode & 0o077 for path in folder.rglob("*")] == [0, 0], "private to the site's user"


def test_the_same_content_again_is_the_same_file_under_its_new_name(alice, upload, folder):  # B69
    first, second = upload(alice, name="a.txt"), upload(alice, name="b.txt")
    assert second.pk == first.pk
    assert StoredFile.objects.get().name == "b.txt"
    assert contents(folder) == [b"Wrens"]


def test_each_owner_has_a_content_of_their_own(alice, bob, upload, folder):
    assert upload(alice).pk != upload(bob).pk
    assert contents(folder) == [b"Wrens", b"Wrens"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", FileEmpty),
        (b"x" * 1_001, FileTooLarge),
        (b"%PDF-1.7\n%\xe2\xe3", DocumentInvalid),
        (b"one\0two", FileTypeUnsupported),
        (bytes(range(1, 256)), FileTypeUnsupported),
    ],
)
def test_what_is_refused_leaves_nothing(alice, upload, folder, settings, content, error):  # B69
    settings.FILE_MAX_BYTES = 1_000
    with pytest.raises(error):
        upload(alice, content)
    assert_nothing_stored(folder)


@pytest.mark.parametrize(
    ("name", "stored_as"),
    [
        ("../../etc/passwd", "passwd"),
        ("invoice\u202egnp.exe", "invoice gnp.exe"),
        ("two\r\nlines: x.txt", "two lines: x.txt"),
        ("\u200b", "file"),
        ("a" * 300 + ".txt", "a" * 100),
    ],
)
def test_a_name_is_one_line_that_shows_what_it_is(alice, upload, folder, name, stored_as):
    assert upload(alice, name=name.rpartition("/")[2]).name == stored_as


@pytest.mark.parametrize("name", ["photo.png", "a.pdf", "a.zip", "a", "video.ts"])
def test_a_type_that_lies_is_not_believed(alice, upload, folder, name):
    assert upload(alice, name=name).media_type == "text/plain"


def test_files_count_until_the_quota_is_reached(alice, bob, upload, folder, settings):
    settings.USER_MAX_FILE_BYTES = 10
    upload(alice, b"12345")
    upload(alice, b"67890")
    upload(alice, b"12345")  # the same again takes no room
    with pytest.raises(FileQuotaExceeded):
        upload(alice, b"x")
    upload(bob, b"x")
    assert contents(folder) == [b"12345", b"67890", b"x"]


def test_a_disk_that_is_full_is_said_and_leaves_nothing(alice, upload, folder, monkeypatch, caplog):
    """Half of the content is written by then."""

    def save(self, name, content, max_length=None):
        path = folder / name
        path.parent.mkdir()
        path.write_bytes(content.read(2))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(DurableFolder, "save", save)
    with pytest.raises(FileStorageFull):
        upload(alice)
    assert_nothing_stored(folder)
    assert "No space left" in caplog.text


class Killed(BaseException):
    """The process ends here."""


def test_what_a_killed_process_leaves_is_deleted_later(alice, upload, folder, monkeypatch):  # B69
    monkeypatch.setattr(actions, "_finish", lambda *args: (_ for _ in ()).throw(Killed))
    monkeypatch.setattr(actions, "erase", lambda files: 0)  # no code runs after that
    with pytest.raises(Killed):
        upload(alice)
    monkeypatch.undo()
    assert contents(folder) == [b"Wrens"]
    assert not StoredFile.objects.visible_to(alice).exists()
    assert delete_due() == 0, "it may still be written"
    StoredFile.objects.update(kept_until="2026-01-01T00:00Z")
    assert delete_due() == 1
    assert_nothing_stored(folder)


@pytest.mark.each_database
@pytest.mark.parametrize("is_same", [False, True])
def test_of_two_uploads_at_once_only_what_fits_is_stored(transactional_db, alice, folder, settings, is_same):  # B69
    """Of different contents there is room for one; the same content is one file."""
    settings.USER_MAX_FILE_BYTES = 12 if is_same else 9
    both_read = Barrier(2, timeout=30)
    results: list[StoredFile | FileRefused] = []

    def upload(content: bytes) -> None:
        try:
            file = SimpleUploadedFile("a.txt", content)
            both_read.wait()
            results.append(store(alice, file, "a.txt"))
        except FileRefused as error:
            results.append(error)
        finally:
            connection.close()

    threads = [Thread(target=upload, args=[content]) for content in (b"12345", b"12345" if is_same else b"67890")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    stored = {result.pk for result in results if isinstance(result, StoredFile)}
    assert len(results) == 2 and len(stored) == 1
    assert StoredFile.objects.get().state == FileState.STORED
    assert len(contents(folder)) == 1
    if not is_same:
        assert [type(result) for result in results if isinstance(result, FileRefused)] == [FileQuotaExceeded]


@pytest.mark.each_database
def test_an_image_that_waits_holds_no_database_connection(transactional_db, alice, upload, folder, monkeypatch):
    """Twenty that waited for their turn would take all of the pool's: nobody else would get one."""
    held, reencode = [], actions.reencode
    monkeypatch.setattr(actions, "reencode", lambda content: held.append(connection.connection) or reencode(content))
    upload(alice, picture(), "wren.png")
    assert held == [None]
