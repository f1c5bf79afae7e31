"""Files of a shared chat: shown only if its owner chose so, by nothing but the link, and gone with it."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chatapp.chats.models import Message, Session
from chatapp.files.actions import store
from chatapp.files.models import StoredFile
from runs.actions import edit_and_send
from runs.lifecycle import transitions
from runs.models import Model, Run
from tests.files.pictures import picture

pytestmark = pytest.mark.one_database


@pytest.fixture
def chat(browser, model) -> Session:
    """A question with an image and a text."""
    Model.objects.filter(pk=model.pk).update(has_vision=True)
    files = [SimpleUploadedFile("wren.png", picture()), SimpleUploadedFile("notes.md", b"# Secret notes")]
    browser.post("/chats", {"text": "Which bird?", "files": files, "alts": "A wren"})
    return Session.objects.get()


@pytest.fixture
def share(browser, chat):
    """`share(files="1")`: what alice chooses; the link's path."""

    def share_(**form: str) -> str:
        assert browser.post(f"/chats/{chat.pk}/share", form).status_code == 302
        chat.refresh_from_db()
        return f"/shared/{chat.share_token}"

    return share_


@pytest.fixture
def visitor(log_in):
    return log_in(None)


def addresses(link: str) -> list[str]:
    file = StoredFile.objects.get(media_type="image/png")
    return [f"{link}/files/{file.pk}", f"{link}/files/{file.pk}/thumbnail"]


def test_unless_chosen_files_are_named_and_neither_shown_nor_served(share, visitor):
    link = share()
    page = visitor.get(link).content.decode()
    assert "A wren" in page and "notes.md" in page
    assert "/files/" not in page and "Secret notes" not in page
    assert [visitor.get(path).status_code for path in addresses(link)] == [404, 404]


def test_if_chosen_visitors_see_them_by_the_link_alone(share, visitor, bob, log_in):
    link = share(files="1")
    page = visitor.get(link).content.decode()
    whole, small = addresses(link)
    assert f'<a class="picture" href="{whole}"><img src="{small}" alt="A wren"' in page
    assert "Secret notes" in page
    response = visitor.get(whole)
    assert (response.status_code, response["Content-Type"]) == (200, "image/png")
    assert "no-store" in response["Cache-Control"], "no browser keeps it beyond the link"
    assert response["Content-Security-Policy"].endswith("sandbox")
    assert "noindex" in response["X-Robots-Tag"]
    assert visitor.get(small)["Content-Type"] == "image/webp"
    # It should be no way to the file itself.
    file = whole.rpartition("/")[2]
    assert visitor.get(f"/files/{file}").status_code == 302
    assert log_in(bob).get(f"/files/{file}").status_code == 404


def test_revoking_the_link_or_the_choice_ends_it(share, visitor, browser, chat):
    link = share(files="1")
    assert share() == link, "the same link, without files"
    assert [visitor.get(path).status_code for path in addresses(link)] == [404, 404]
    assert share(files="1") == link
    share(off="1")
    assert [visitor.get(path).status_code for path in addresses(link)] == [404, 404]
    # It should not come back with a new link.
    assert 'value="1" checked' not in browser.get(f"/chats/{chat.pk}/share").content.decode()
    assert visitor.get(addresses(share())[0]).status_code == 404


def test_only_files_of_what_the_page_shows_are_served(share, visitor, alice):
    link = share(files="1")
    paths = addresses(link)
    # It should not serve another file of hers, nor one of another chat by this link.
    other = store(alice, SimpleUploadedFile("other.txt", b"Another"), "other.txt")
    assert visitor.get(f"{link}/files/{other.pk}").status_code == 404
    transitions.stop(Run.objects.get().pk)
    question = Message.objects.get(role="user")
    edit_and_send(question, "Without", dropped={file.pk for file in question.attachments.all()}, user=alice)
    assert [visitor.get(path).status_code for path in paths] == [404, 404]


def test_the_link_of_one_chat_serves_nothing_of_another(share, visitor, alice, browser):
    file = addresses(share(files="1"))[0].rpartition("/")[2]
    other = Session.objects.create(owner=alice)
    browser.post(f"/chats/{other.pk}/share", {"files": "1"})
    other.refresh_from_db()
    assert visitor.get(f"/shared/{other.share_token}/files/{file}").status_code == 404
