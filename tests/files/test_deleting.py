"""A file is deleted with the last thing that refers to it, and never before."""

import pytest
from django.db import transaction

from chatapp.chats.actions import start_session
from chatapp.files.deletion import delete, delete_due, release_all_files
from chatapp.files.errors import FileInUse, FileUnknown
from chatapp.files.models import FileState, StoredFile
from chatapp.files.storage import DurableFolder
from runs.actions import delete_session, delete_user, edit_and_send, send
from runs.lifecycle import queue, transitions
from runs.message_files import attachments_of
from runs.models import Model, Provider
from tests.files.conftest import contents


@pytest.fixture(autouse=True)
def model(db):
    provider = Provider.objects.create(name="provider", base_url="http://127.0.0.1:1/v1")
    return Model.objects.create(name="model", label="A Model", provider=provider, upstream_id="m", is_default=True)


@pytest.fixture
def sent(alice):
    """`sent(file)`: the run that answers a message with the file, in a chat of its own."""

    def sent_(*files, session=None):
        session = session or start_session(alice, "")
        return send(session, "Look", files=attachments_of(alice, [file.pk for file in files]), user=alice)

    return sent_


def make_old() -> None:
    """Let a day pass for files that nothing was seen to refer to."""
    StoredFile.objects.exclude(kept_until=None).update(kept_until="2026-01-01T00:00Z")


def test_a_file_that_no_message_took_is_deleted_after_a_day(alice, upload, folder):  # B69
    upload(alice)
    assert delete_due() == 0
    make_old()
    assert delete_due() == 1
    assert contents(folder) == []


def test_a_file_is_deleted_with_the_last_message_that_holds_it(alice, upload, folder, sent):  # B69
    file = upload(alice)
    first, second = sent(file), sent(file)
    make_old()
    delete_session(first.session, by=alice)
    assert delete_due() == 0
    delete_session(second.session, by=alice)
    assert delete_due() == 1
    assert contents(folder) == []


def test_a_message_that_is_edited_shares_its_file(alice, upload, folder, sent):
    run = sent(upload(alice))
    transitions.stop(run.pk)
    other = edit_and_send(run.message.parent, "Look again", user=alice)
    assert other.message.parent.attachments.get().file == StoredFile.objects.get()
    delete_session(run.session, by=alice)
    assert delete_due() == 1


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_message_taken_out_of_the_queue_lets_its_file_go(alice, upload, folder, sent, is_removed):
    session = start_session(alice, "")
    sent(session=session)
    waiting = sent(upload(alice), session=session)
    if is_removed:
        queue.remove(waiting, by=alice)
    else:
        queue.edit(waiting, "Look", {waiting.message.parent.attachments.get().pk})
    assert delete_due() == 1


def test_a_file_in_use_is_not_deleted_by_its_owner_either(alice, upload, folder, sent):
    file = upload(alice)
    run = sent(file)
    with pytest.raises(FileInUse):
        delete(file)
    delete_session(run.session, by=alice)
    delete(StoredFile.objects.get())
    assert contents(folder) == []


def test_what_something_refers_to_is_never_taken_for_due(alice, upload, folder, sent):
    sent(upload(alice))
    StoredFile.objects.update(kept_until="2026-01-01T00:00Z")  # as if what refers to it had come in the same moment
    assert delete_due() == 0
    assert StoredFile.objects.get().kept_until is None


def test_what_vanished_without_a_word_is_found_once_a_day(alice, upload, folder, sent):
    sent(upload(alice)).message.parent.attachments.all().delete()
    assert delete_due() == 0
    release_all_files()
    assert delete_due() == 1


def test_the_files_of_a_deleted_user_are_deleted(alice, bob, upload, folder, sent):
    sent(upload(alice))
    upload(alice, b"not used")
    upload(bob, b"bob's")
    delete_user(alice, by=bob)
    assert delete_due() == 2
    assert contents(folder) == [b"bob's"]


def test_a_content_that_cannot_be_deleted_is_tried_again(alice, upload, folder, monkeypatch, caplog):
    upload(alice)
    make_old()

    def refuse(self, name):
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(DurableFolder, "delete", refuse)
        assert delete_due() == 0
    assert StoredFile.objects.get().state == FileState.DELETING
    assert delete_due() == 1
    assert contents(folder) == []


def test_only_own_files_that_exist_can_be_sent(alice, bob, upload, folder):  # B55
    foreign, gone = upload(bob), upload(alice)
    for pk in (foreign.pk, alice.chat_sessions.create().pk):
        with pytest.raises(FileUnknown):
            attachments_of(alice, [pk])
    attachments = attachments_of(alice, [gone.pk])
    delete(gone)
    with pytest.raises(FileUnknown), transaction.atomic():
        send(start_session(alice, ""), "Look", files=attachments, user=alice)
    assert not alice.chat_sessions.filter(messages__isnull=False).exists()
