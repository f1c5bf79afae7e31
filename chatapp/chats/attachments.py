"""Files attached to a message: stored separately; for the model the text of each is appended to that of the message."""

import re
from collections.abc import Collection, Iterable
from uuid import UUID

from chatapp.chats.models import Attachment, Message

HEADING = "File: "
FENCE = re.compile(r"`{3,}")


def full_text(text: str, files: Iterable[Attachment]) -> str:
    """The text for the model: the message, then each file under its name, in a fence longer than any inside it.

    Of an image it has what it shows, as its sender put it: the image itself is another part of the message.
    """
    return "\n\n".join([*([text] if text.strip() else []), *(_block(file) for file in files)]) or text


def full_text_of(message: Message) -> str:
    """`whole` of a stored message. Prefetch `attachments` when reading many."""
    return full_text(message.content, message.attachments.all())


def stored_text(text: str) -> str:
    """The text to store. Only white space counts as empty if there are files."""
    return text if text.strip() else ""


def attach(message: Message, files: Iterable[Attachment]) -> None:
    """Store copies of `files` with a message, in order. Files may be new, or belong to another message."""
    Attachment.objects.bulk_create(
        Attachment(
            message=message,
            position=position,
            name=file.name,
            media_type=file.media_type,
            size=file.size,
            text=file.text,
            alt=file.alt,
            note=file.note,
            file_id=file.file_id,
        )
        for position, file in enumerate(files)
    )


def _block(file: Attachment) -> str:
    if file.is_image:
        return f"[Image: {file.alt or file.name}]"
    marks = max(map(len, FENCE.findall(file.text)), default=2) + 1
    fence = "`" * marks
    body = file.text if file.text.endswith("\n") else f"{file.text}\n"
    return f"{HEADING}{file.name}\n{fence}\n{body}{fence}"


def remaining_files(question: Message, dropped: Collection[UUID]) -> list[Attachment]:
    """The files of a question, except those with ids in `dropped`."""
    return [file for file in question.attachments.all() if file.pk not in dropped]
