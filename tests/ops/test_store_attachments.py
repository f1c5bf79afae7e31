"""Text files that an earlier version kept in the database alone become files: twice, interrupted, and undone."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from chatapp.chats.attachments import full_text_of
from chatapp.chats.models import Attachment, Message, Session
from chatapp.files.errors import FileStorageFull
from chatapp.files.models import StoredFile
from chatapp.files.storage import DurableFolder, file_storage
from runs.upstream.context.turns import in_words

DUMP = Path(__file__).with_name("attachments_of_0.2.json")  # `dumpdata` of the version before documents
FILE = r'<details class="file".*?</details>'

pytestmark = pytest.mark.each_database


@pytest.fixture
def old(db, folder):
    """What the version before wrote: alice's chat with files of each kind, and one of bob's."""
    call_command("loaddata", DUMP, verbosity=0)


@pytest.fixture
def folder(settings, tmp_path):
    storages = dict(settings.STORAGES)
    storages["files"] = storages["files"] | {"OPTIONS": storages["files"]["OPTIONS"] | {"location": tmp_path}}
    settings.STORAGES = storages
    return tmp_path


def seen() -> list:
    """All that people and models get of the messages with files; not the links to the files, which are new."""
    messages = Message.objects.prefetch_related("attachments").order_by("pk")
    texts = [(full_text_of(message), in_words(message)) for message in messages]
    rows = list(Attachment.objects.order_by("pk").values("name", "media_type", "size", "text", "alt", "note"))
    return [texts, rows, [files_on_page(session) for session in Session.objects.order_by("pk")]]


def files_on_page(session: Session) -> list[str]:
    client = Client()
    client.force_login(session.owner)
    page = client.get(f"/chats/{session.pk}").content.decode()
    return [re.sub(r'<p class="file__original">.*?</p>', "", part) for part in re.findall(FILE, page, re.DOTALL)]


def move() -> None:
    call_command("store_attachments", verbosity=0)


def test_nothing_that_is_shown_or_sent_changes(old):
    before = seen()
    move()
    assert seen() == before
    assert not Attachment.objects.filter(file=None).exclude(text="").exists()
    for attachment in Attachment.objects.exclude(text="").select_related("file", "message__session"):
        assert attachment.file.owner_id == attachment.message.session.owner_id
        assert attachment.file.kept_until is None
        with file_storage().open(attachment.file.place) as content:
            assert content.read().decode() == attachment.text
    assert not any(attachment.is_image for attachment in Attachment.objects.all())


def test_it_can_be_run_twice_and_the_same_content_is_one_file(old):
    move()
    files = list(StoredFile.objects.values_list("pk", flat=True))
    move()
    assert list(StoredFile.objects.values_list("pk", flat=True)) == files
    same = StoredFile.objects.filter(attachments__name__endswith="notes.md").distinct()
    assert same.count() == 2, "alice's, which she sent twice, and bob's"


def test_what_was_interrupted_goes_on(old, monkeypatch):
    before, saved, left = seen(), DurableFolder.save, [2]

    def save(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            raise OSError("the disk is full")
        return saved(*args, **kwargs)

    monkeypatch.setattr(DurableFolder, "save", save)
    with pytest.raises(FileStorageFull):
        move()
    assert 0 < Attachment.objects.exclude(file=None).count() < Attachment.objects.exclude(text="").count()
    monkeypatch.undo()
    move()
    assert seen() == before
    assert not Attachment.objects.filter(file=None).exclude(text="").exists()


def test_a_backup_of_the_database_undoes_it_and_it_can_be_run_again(old, folder):
    before = seen()
    move()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE chats_attachment SET file_id = NULL")
        cursor.execute("DELETE FROM files_storedfile")
    call_command("loaddata", DUMP, verbosity=0)
    assert seen() == before
    move()
    assert seen() == before
    assert not Attachment.objects.filter(file=None).exclude(text="").exists()
