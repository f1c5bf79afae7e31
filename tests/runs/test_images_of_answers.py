"""Images in answers become files of the session's owner: base64 is neither in the log nor in a message (B71)."""

import base64

import orjson
import pytest

from chatapp.chats.models import Attachment, Message
from chatapp.files.models import StoredFile
from runs.message_files import keep_images
from runs.upstream.context.turns import in_words
from runs.upstream.reading.chunks import parse
from runs.upstream.reading.deltas import IMAGE
from runs.upstream.reading.images import MAX_IMAGES
from runs.worker.recorder import Recorder
from streams.events import Kind
from tests.files.pictures import bomb, picture

pytestmark = pytest.mark.one_database

ENCODED = base64.b64encode(picture()).decode()
URI = f"data:image/png;base64,{ENCODED}"

FORMS = {
    "OpenRouter": {"content": "", "images": [{"type": "image_url", "image_url": {"url": URI}, "index": 0}]},
    "a list of URIs": {"content": None, "images": [URI]},
    "a part of the content": {"content": [{"type": "image_url", "image_url": {"url": URI}}]},
    "an output part": {"content": [{"type": "output_image", "image_url": URI}]},
    "a source": {"content": [{"type": "image", "source": {"type": "base64", "data": ENCODED}}]},
    "Gemini": {"images": [{"inline_data": {"mime_type": "image/png", "data": ENCODED}}]},
    "Images API": {"images": [{"b64_json": ENCODED}]},
}


def deltas_of(delta: dict) -> list[tuple[str, dict]]:
    deltas, failure = parse([orjson.dumps({"choices": [{"delta": delta, "finish_reason": None}]})])
    assert failure is None
    return [tuple(each) for each in deltas]


@pytest.mark.parametrize("delta", FORMS.values(), ids=FORMS)
def test_images_are_found_as_servers_send_them(delta):
    [(kind, data)] = deltas_of(delta)
    assert kind == IMAGE
    assert data["image"] in (URI, ENCODED)


def test_text_around_an_image_stays():
    parts = [{"type": "text", "text": "Here: "}, {"type": "image_url", "image_url": {"url": URI}}]
    assert deltas_of({"content": parts}) == [(Kind.TEXT, {"text": "Here: "}), (IMAGE, {"image": URI})]


@pytest.mark.parametrize("url", ["https://example.com/a.png", "http://169.254.169.254/", "", None])
def test_an_address_is_passed_over(url):  # B71
    assert deltas_of({"images": [{"type": "image_url", "image_url": {"url": url}}]}) == []


def test_a_message_in_one_piece_has_them_too():
    message = {"role": "assistant", "content": "A wren.", "images": FORMS["OpenRouter"]["images"]}
    deltas, _ = parse([orjson.dumps({"choices": [{"message": message, "finish_reason": "stop"}]})])
    assert [delta.kind for delta in deltas][:2] == [Kind.TEXT, IMAGE]


class Writer:
    """What a recorder writes to."""

    batches, is_full = 0, False

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.seq = 0

    def open(self, *args) -> "Writer":
        return self

    def write(self, cursor, kind, data) -> None:
        self.written.append(data)


def test_the_recorder_writes_none_keeps_few_and_each_once():  # B71
    writer = Writer()
    recorder = Recorder(writer, None, 0, lambda: None)
    images = [f"data:image/png;base64,{number}" for number in range(MAX_IMAGES + 5)]
    for image in [*images, *images]:
        recorder.record(deltas_of({"images": [image]}))
    assert [*recorder.images] == images[:MAX_IMAGES]
    assert recorder.has_only_images
    recorder.raise_if_empty()
    assert writer.written == []


@pytest.fixture
def run(send):
    return send("Draw a wren")


def test_an_image_is_attached_to_the_answer_as_a_file_of_the_owner(run, alice):
    assert keep_images(run.pk, [URI, ENCODED]) == 2
    first, second = Attachment.objects.filter(message=run.message_id)
    assert first.file == second.file == StoredFile.objects.get(owner=alice)
    assert (first.name, first.file.kept_until, first.position, second.position) == ("image-1.png", None, 0, 1)


@pytest.mark.parametrize(
    "image",
    [
        "data:image/png;base64," + base64.b64encode(bomb()).decode(),
        "data:image/svg+xml;base64," + base64.b64encode(b"<svg onload='alert(1)'/>").decode(),
        "data:text/html;base64," + base64.b64encode(b"<script>alert(1)</script>").decode(),
        "data:image/png;base64," + base64.b64encode(picture()[:60]).decode(),
        "data:image/png;base64,!!",
        "data:image/png,plain",
    ],
)
def test_a_hostile_one_is_refused_and_those_around_it_are_kept(run, image):
    assert keep_images(run.pk, [image, URI]) == 1
    assert Attachment.objects.filter(message=run.message_id).count() == 1
    assert StoredFile.objects.count() == 1


def test_those_of_an_answer_are_named_in_later_prompts(run):
    keep_images(run.pk, [URI])
    message = Message.objects.get(pk=run.message_id)
    shown = {file.pk for file in message.attachments.all()}
    assert in_words(message, shown) == [{"role": "assistant", "content": "[Image: image-1.png]"}]
