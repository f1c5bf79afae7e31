"""Images that go with a message: stored, shown, and seen by models that can."""

import base64
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chatapp.chats.models import Attachment, Message, Session
from chatapp.files.models import StoredFile
from runs.lifecycle import transitions
from runs.models import Model, Run
from runs.upstream.request import build_request
from tests.files.pictures import bomb, picture

pytestmark = pytest.mark.one_database


@pytest.fixture
def seeing(model):
    """The model of alice's browser sees."""
    Model.objects.filter(pk=model.pk).update(has_vision=True)
    return model


def post(browser, *contents, text="Which bird?", path="/chats", **fields):
    files = [SimpleUploadedFile(f"{number}.png", content) for number, content in enumerate(contents)]
    return browser.post(path, {"text": text, "files": files, **fields})


def asked(run: Run | None = None) -> list[dict]:
    """What the model gets, message by message."""
    run = Run.objects.select_related("session", "message", "model__provider").get(
        pk=(run or Run.objects.latest("id")).pk
    )
    return build_request(run).payload["messages"]


def stored_bytes(url: str) -> bytes:
    return base64.b64decode(url.removeprefix("data:image/png;base64,"))


# -- sent --------------------------------------------------------------------------------------------


def test_a_model_that_sees_gets_the_image_as_a_data_uri(browser, seeing):  # B70, B71
    post(browser, picture(), alts="Two colours")
    [message] = asked()
    text, image = message["content"]
    assert text == {"type": "text", "text": "Which bird?"}
    assert stored_bytes(image["image_url"]["url"]).startswith(b"\x89PNG")
    [attachment] = Attachment.objects.all()
    assert (attachment.name, attachment.alt, attachment.text) == ("0.png", "Two colours", "")
    assert Message.objects.get(role="user").content == "Which bird?"


def test_an_image_alone_is_a_message(browser, seeing):
    assert post(browser, picture(), text="").status_code == 302
    [message] = asked()
    assert [part["type"] for part in message["content"]] == ["image_url"]


def test_base64_is_in_no_message_and_no_log(browser, seeing):  # B71
    post(browser, picture())
    encoded = asked()[0]["content"][1]["image_url"]["url"][-40:]
    tables = [Message, Attachment, StoredFile, Run, Session]
    assert encoded not in json.dumps([list(table.objects.values()) for table in tables], default=str)


def test_a_model_that_cannot_see_is_not_asked_and_those_that_can_are_named(browser, model):
    Model.objects.create(name="eye", label="An Eye", provider=model.provider, upstream_id="e", has_vision=True)
    Model.objects.create(
        name="off", label="Off", provider=model.provider, upstream_id="o", has_vision=True, enabled=False
    )
    response = post(browser, picture())
    page = response.content.decode()
    assert response.status_code == 422
    assert "A Model can&#x27;t see images. These can: An Eye." in page
    assert not Message.objects.exists()
    kept = StoredFile.objects.get()
    assert f'name="kept_file_0" value="{kept.pk}"' in page, "the form keeps it"


def test_a_kept_image_is_sent_with_the_model_that_was_chosen_then(browser, model):
    Model.objects.create(name="eye", label="An Eye", provider=model.provider, upstream_id="e", has_vision=True)
    page = post(browser, picture(), alts="Two colours").content.decode()
    fields = dict(re.findall(r'name="(kept_\w+_0)" value="([^"]*)"', page))
    response = browser.post("/chats", {"text": "Which bird?", "model": "eye", "kept": "0", **fields})
    assert response.status_code == 302
    attachment = Attachment.objects.get()
    assert (attachment.alt, attachment.file) == ("Two colours", StoredFile.objects.get())
    assert asked()[0]["content"][1]["type"] == "image_url"


def test_somebody_elses_image_cannot_be_put_into_the_form(browser, bob, log_in, seeing):  # B55
    post(log_in(bob), picture())
    foreign = StoredFile.objects.get()
    browser.post("/chats", {"text": "Look", "kept": "0", "kept_name_0": "x", "kept_file_0": str(foreign.pk)})
    assert not Message.objects.filter(session__owner__username="alice", attachments__isnull=False).exists()


def test_a_model_that_cannot_see_reads_what_earlier_images_show(browser, model, seeing, write):
    url = post(browser, picture(), alts="A wren").url.removesuffix("#end")
    transitions.complete(write(Run.objects.get(), "A wren.").pk, "stop")
    Model.objects.update(has_vision=False)
    browser.post(f"{url}/messages", {"text": "Sure?"})
    assert [message["content"] for message in asked()] == ["Which bird?\n\n[Image: A wren]", "A wren.", "Sure?"]


def test_only_the_newest_images_are_sent(browser, seeing, monkeypatch):
    monkeypatch.setattr("runs.upstream.context.chat_context.MAX_IMAGES", 1)
    post(browser, picture(), picture(size=(50, 20)))
    [message] = asked()
    assert [part["type"] for part in message["content"]] == ["text", "image_url"]
    assert message["content"][0]["text"] == "Which bird?\n\n[Image: 1.png]"


def test_an_image_that_has_vanished_is_said_and_the_rest_is_sent(browser, seeing):
    post(browser, picture())
    StoredFile.objects.update(state="deleting")
    assert asked()[0]["content"][1] == {"type": "text", "text": "[An image that has been deleted]"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (bomb(), "This image has too many pixels."),
        (picture()[:60], "This file is damaged, or is not an image."),
    ],
)
def test_an_image_that_is_refused_costs_nothing_that_was_typed(browser, seeing, content, sentence):  # B83
    response = post(browser, content, picture())
    page = response.content.decode()
    assert response.status_code == 422
    assert sentence in page
    assert "Which bird?</textarea>" in page
    assert page.count("kept_file_") == 1, "the one that is right is kept"
    assert not Message.objects.exists()


def test_the_script_gets_the_code(browser, model):
    files = [SimpleUploadedFile("a.png", picture())]
    response = browser.post("/chats", {"text": "Look", "files": files}, headers={"X-Requested-With": "fetch"})
    assert (response.status_code, response.json()["code"]) == (422, "images_not_seen")


def test_a_draft_keeps_its_images(browser, seeing, ask):
    """Without JavaScript Stop posts what stands in the form."""
    run = ask()
    browser.post(f"/runs/{run.pk}/stop", {"text": "And this", "files": [SimpleUploadedFile("a.png", picture())]})
    page = browser.get(f"/chats/{run.session_id}").content.decode()
    assert f'name="kept_file_0" value="{StoredFile.objects.get().pk}"' in page


# -- shown -------------------------------------------------------------------------------------------


def test_the_transcript_shows_a_small_version_that_leads_to_the_whole(browser, seeing):
    url = post(browser, picture(), alts="A <wren>").url.removesuffix("#end")
    page, file = browser.get(url).content.decode(), StoredFile.objects.get()
    assert (
        f'<a class="picture" href="/files/{file.pk}"><img src="/files/{file.pk}/thumbnail" alt="A &lt;wren&gt;"' in page
    )
    whole, small = browser.get(f"/files/{file.pk}"), browser.get(f"/files/{file.pk}/thumbnail")
    assert (whole["Content-Type"], small["Content-Type"]) == ("image/png", "image/webp")
    assert whole["Content-Disposition"].startswith("inline;")
    assert whole["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def test_options_say_which_models_see(browser, model, seeing):
    Model.objects.create(name="blind", label="Blind", provider=model.provider, upstream_id="b", has_vision=None)
    page = browser.get("/").content.decode()
    assert '<option value="model" data-sees selected>' in page
    assert '<option value="blind">' in page


def test_another_answer_is_not_asked_of_a_model_that_cannot_see(browser, model, seeing):
    post(browser, picture())
    run = Run.objects.get()
    transitions.stop(run.pk)
    Model.objects.create(name="blind", label="Blind", provider=model.provider, upstream_id="b")
    response = browser.post(f"/messages/{run.message_id}/again", {"model": "blind"})
    assert response.status_code == 422 and "Blind can&#x27;t see images." in response.content.decode()
