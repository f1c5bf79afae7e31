"""Images and files in messages: data URIs and ids of uploaded files become references to stored files.

An address is refused: it is never fetched and never passed on (B71).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.base import ContentFile

from chatapp.chats.attachments import full_text
from chatapp.chats.models import Attachment
from chatapp.files.actions import store
from chatapp.files.data_uris import Address, content_of
from chatapp.files.models import StoredFile
from chatapp.openai.body_fields import Fields
from chatapp.openai.errors import FileNotFound, MissingParameter, Refusal, UnsupportedParameter
from runs.limits import check_file_count
from runs.message_files import attachment_of
from runs.upstream.images import REFERENCE, image_part

FILE_ID = re.compile(r"file-([0-9a-f]{32})")
DETAILS = ("auto", "low", "high", "original")
NO_FILE = "There is no such file."
WITH_PARTS = ("content", "output")  # members of messages and of items that may be lists of parts
SOURCE = "source"  # the member of a part that has not been looked up yet


@dataclass(frozen=True)
class Source:
    """Where the content of a part is: here, or in an uploaded file."""

    param: str
    content: bytes = b""
    file_id: UUID | None = None
    name: str = ""


def file_id_of(file_id: UUID) -> str:
    """A file's id as OpenAI's clients know it."""
    return f"file-{file_id.hex}"


def parse_file_id(text: str, param: str) -> UUID:
    """Raises FileNotFound for what can be no file's id."""
    match = FILE_ID.fullmatch(text)
    if match is None:
        raise FileNotFound(NO_FILE, param)
    return UUID(match[1])


def find_file(user: AbstractBaseUser, file_id: UUID, param: str) -> StoredFile:
    """The user's file with this id. Raises FileNotFound."""
    file = StoredFile.objects.visible_to(user).filter(pk=file_id).first()
    if file is None:
        raise FileNotFound(NO_FILE, param)
    return file


def chat_image(part: Fields) -> dict:
    """A part `image_url` of a chat's message."""
    value = part.as_dict().get("image_url")
    fields = part.object("image_url") if isinstance(value, dict) else Fields({"url": value}, part.path("image_url"))
    param = fields.path("url")
    return _image(fields, Source(param, _data(fields.required("url", str), param), name="image"))


def response_image(part: Fields) -> dict:
    """A part `input_image` of a response's message."""
    if url := part.optional("image_url", str):
        param = part.path("image_url")
        return _image(part, Source(param, _data(url, param), name="image"))
    return _image(part, _uploaded(part))


def _image(fields: Fields, source: Source) -> dict:
    detail = fields.choice("detail", DETAILS)
    return {"type": "image", SOURCE: source} | ({"detail": detail} if detail else {})


def input_file(fields: Fields) -> dict:
    """A part `input_file`, or the object of a chat's part `file`."""
    if data := fields.optional("file_data", str):
        param = fields.path("file_data")
        source = Source(param, _data(data, param), name=fields.optional("filename", str, "") or "file")
        return {"type": "file", SOURCE: source}
    if "file_url" in fields:
        raise UnsupportedParameter(
            "Addresses are not fetched here. Send file_data or file_id.", fields.path("file_url")
        )
    return {"type": "file", SOURCE: _uploaded(fields)}


def _uploaded(fields: Fields) -> Source:
    text, param = fields.optional("file_id", str), fields.path("file_id")
    if not text:
        raise MissingParameter(f"{param} is required.", param)
    return Source(param, file_id=parse_file_id(text, param))


def _data(uri: str, param: str) -> bytes:
    try:
        return content_of(uri)
    except Address:
        raise UnsupportedParameter("Addresses are not fetched. Send a data URI with base64.", param) from None
    except ValueError:
        raise Refusal(f"{param} must be a data URI with base64.", param) from None


def store_parts(user: AbstractBaseUser, messages: Iterable[dict]) -> list[Attachment]:
    """Store what the messages, or items, bring along, and let them refer to it. Returns their images, to be held.

    It blocks, and must not be called in a transaction. Raises FileRefused, Refusal, TooManyAttachments.
    """
    with_parts = [(one, name) for one in messages for name in WITH_PARTS if isinstance(one.get(name), list)]
    check_file_count([part for one, name in with_parts for part in one[name] if SOURCE in part])
    images: list[Attachment] = []
    for one, name in with_parts:
        one[name] = [_stored(user, part, images) if SOURCE in part else part for part in one[name]]
    return images


def _stored(user: AbstractBaseUser, part: dict, images: list[Attachment]) -> dict:
    """The part with a reference to its image, or the text of its file."""
    source: Source = part[SOURCE]
    file = _file_of(user, source)
    attachment = attachment_of(file, limit=settings.PROGRAM_MAX_CHARACTERS)
    if not file.is_image and part["type"] == "image":
        raise Refusal(f"{source.param} is no image.", source.param)
    if not file.is_image:
        return {"type": "input_text", "text": full_text("", [attachment])}
    images.append(attachment)
    return {"type": "input_image", "detail": part.get("detail", "auto"), "file_id": file_id_of(file.pk)}


def _file_of(user: AbstractBaseUser, source: Source) -> StoredFile:
    if source.file_id is None:
        return store(user, ContentFile(source.content), source.name)
    return find_file(user, source.file_id, source.param)


def upstream_content(content: object) -> object:
    """The content of a message for the upstream: a string, or parts if it has images. Those are references still.

    What has not been looked up yet is left out.
    """
    if not isinstance(content, list):
        return content
    parts = [part for part in content if SOURCE not in part]
    if all("text" in part for part in parts):
        return text_in(parts)
    return [_upstream_part(part) for part in parts]


def _upstream_part(part: dict) -> dict:
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    reference, detail = image_part(parse_file_id(part["file_id"], "")), part["detail"]
    return reference if detail == "auto" else {**reference, "image_url": {**reference["image_url"], "detail": detail}}


def item_content(content: object) -> object:
    """The content of an upstream's message for an item: a string, or parts."""
    return [_item_part(part) for part in content] if isinstance(content, list) else content


def _item_part(part: dict) -> dict:
    if part["type"] == "text":
        return {"type": "input_text", "text": part["text"]}
    image = part["image_url"]
    file_id = file_id_of(UUID(image["url"].removeprefix(REFERENCE)))
    return {"type": "input_image", "detail": image.get("detail", "auto"), "file_id": file_id}


def text_in(content: object) -> str:
    """The text of a message, without what it brings along."""
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if "text" in part)
    return content if isinstance(content, str) else ""
