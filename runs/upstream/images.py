"""Images in requests: references until the request is built, data URIs in what is sent. An address never goes out.

So base64 is in no message, no log and no estimate of tokens.
"""

import base64
from typing import Any
from uuid import UUID

from chatapp.files.models import FileState, StoredFile
from chatapp.files.storage import file_storage

REFERENCE = "chatapp-file:"  # + a file's id, in place of an image's address
IMAGES_FOLLOW = "[The images of this result follow.]"
IMAGES_OF = "[Images of the result of {}]"
MISSING = "[An image that has been deleted]"

Message = dict[str, Any]


def image_part(file_id: UUID) -> dict[str, Any]:
    """A part of a message that refers to a stored image."""
    return {"type": "image_url", "image_url": {"url": f"{REFERENCE}{file_id}"}}


def referred_file(part: object) -> UUID | None:
    """The file that a part of a message refers to."""
    if not isinstance(part, dict) or part.get("type") != "image_url":
        return None
    url = part["image_url"]["url"]
    if not isinstance(url, str) or not url.startswith(REFERENCE):
        return None
    try:
        return UUID(url.removeprefix(REFERENCE))
    except ValueError:
        return None


def with_images(messages: list[Message], owner_id: int) -> list[Message]:
    """The messages with the images of this user that they refer to. What refers to anything else has none.

    Servers take text only as the result of a tool: its images are in a message of the user after the results.
    """
    return [
        message | {"content": [_with_image(part, owner_id) for part in message["content"]]}
        if isinstance(message.get("content"), list)
        else message
        for message in _with_text_results(messages)
    ]


def _with_text_results(messages: list[Message]) -> list[Message]:
    changed: list[Message] = []
    images: list[dict[str, Any]] = []  # of the results before
    for message in messages:
        if message["role"] != "tool" and images:
            changed.append({"role": "user", "content": images})
            images = []
        if message["role"] == "tool" and isinstance(message["content"], list):
            texts = [part["text"] for part in message["content"] if part["type"] == "text"]
            shown = [part for part in message["content"] if part["type"] == "image_url"]
            images += [{"type": "text", "text": IMAGES_OF.format(message["tool_call_id"])}, *shown]
            message = message | {"content": "\n".join([*texts, IMAGES_FOLLOW])}
        changed.append(message)
    return [*changed, {"role": "user", "content": images}] if images else changed


def _with_image(part: Any, owner_id: int) -> Any:
    if not isinstance(part, dict) or part.get("type") != "image_url":
        return part
    file = _image_at(referred_file(part), owner_id)
    if file is None:
        return {"type": "text", "text": MISSING}
    return part | {"image_url": part["image_url"] | {"url": _data_uri(file)}}


def data_uri_of(file_id: UUID, owner_id: int) -> str | None:
    """An image of this user; None if it has been deleted."""
    file = _image_at(file_id, owner_id)
    return _data_uri(file) if file else None


def _data_uri(file: StoredFile) -> str:
    with file_storage().open(file.place) as content:
        encoded = base64.b64encode(content.read()).decode()
    return f"data:{file.media_type};base64,{encoded}"


def _image_at(pk: UUID | None, owner_id: int) -> StoredFile | None:
    if pk is None:
        return None
    images = StoredFile.objects.filter(owner_id=owner_id, state=FileState.STORED, width__isnull=False)
    return images.filter(pk=pk).first()
