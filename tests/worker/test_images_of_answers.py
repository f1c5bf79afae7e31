"""An image that a model sends is a file of the answer; neither the log nor the message has its base64."""

import base64
import io
import json
import secrets
import zipfile

import pytest

from chatapp.chats.models import Attachment, Message
from runs.models import Model, Provider
from streams.models import LoggedEvent
from tests.files.pictures import bomb, picture
from tests.harness.check import check

pytestmark = pytest.mark.one_database


@pytest.fixture
def draws(stack):
    """`draws(content)`: the name of a model that answers with this image and two words."""

    def draws_(content: bytes, text: str = "A wren.") -> str:
        uri = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        image = {"type": "image_url", "image_url": {"url": uri}}
        chunks = [{"delta": {"content": text}}, {"delta": {"content": "", "images": [image]}}]
        chunks += [{"delta": {"images": [image]}, "finish_reason": "stop"}]
        body = "".join(f"data: {json.dumps({'choices': [chunk]})}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        name = f"draws-{secrets.token_hex(4)}"
        values = {"provider": Provider.objects.get(name="scripted"), "label": "Draws"}
        Model.objects.create(name=name, upstream_id=stack.upstream.register(body=body), **values)
        return name

    return draws_


def test_an_image_in_an_answer_is_a_file(stack, draws):  # B71
    alice = stack.person("alice")
    run = check(alice.send("Draw a wren", model=draws(picture())))
    message = Message.objects.get(pk=run.message_id)
    attachment = Attachment.objects.get(message=message)
    assert (message.content, message.state, attachment.file.owner) == ("A wren.", "complete", alice.user)
    logged = b"".join(bytes(event.data, "utf-8") for event in LoggedEvent.objects.filter(stream=run.pk).only("data"))
    assert b"base64" not in logged and len(logged) < 2_000
    page = alice.page("GET", f"/chats/{run.session_id}").body.decode()
    assert f'<img src="/files/{attachment.file_id}/thumbnail" alt="image-1.png"' in page
    assert alice.page("GET", f"/files/{attachment.file_id}").headers["content-type"] == "image/png"
    archive = zipfile.ZipFile(io.BytesIO(alice.page("GET", f"/chats/{run.session_id}/export.zip").body))
    [path] = [name for name in archive.namelist() if name.startswith("files/")]
    assert f"](<{path}>)" in archive.read(next(name for name in archive.namelist() if name.endswith(".md"))).decode()


def test_an_answer_with_nothing_but_a_hostile_image_is_empty(stack, draws):
    alice = stack.person("alice")
    run = check(alice.send("Draw a wren", model=draws(bomb(), text="")))
    assert (run.status, run.code) == ("failed", "empty_answer")
    assert not Attachment.objects.filter(message=run.message_id).exists()
