"""Files of text that go with a message: kept apart from its own words, and put behind them for a model to read."""

import re
from collections.abc import Collection, Iterable
from uuid import UUID

from chatapp.chats.models import Attachment, Message

HEADING = "File: "
FENCE = re.compile(r"`{3,}")


def whole(words: str, files: Iterable[Attachment]) -> str:
    """What a model reads: the words, then each file under its name, in a fence longer than any in its text."""
    return "\n\n".join([*([words] if words.strip() else []), *(_block(file) for file in files)]) or words


def whole_of(message: Message) -> str:
    """`whole` of a stored message. Who reads many prefetches their `attachments`."""
    return whole(message.content, message.attachments.all())


def own_words(text: str) -> str:
    """What is stored of the words: white space alone, before files, is none."""
    return text if text.strip() else ""


def attach(message: Message, files: Iterable[Attachment]) -> None:
    """Store copies of the files with a message, in their order: they may be new, or another message's."""
    Attachment.objects.bulk_create(
        Attachment(
            message=message,
            position=position,
            name=file.name,
            media_type=file.media_type,
            size=file.size,
            text=file.text,
        )
        for position, file in enumerate(files)
    )


def _block(file: Attachment) -> str:
    marks = max(map(len, FENCE.findall(file.text)), default=2) + 1
    fence = "`" * marks
    body = file.text if file.text.endswith("\n") else f"{file.text}\n"
    return f"{HEADING}{file.name}\n{fence}\n{body}{fence}"


def kept_files(question: Message, dropped: Collection[UUID]) -> list[Attachment]:
    """The files of a question, but for those whose ids are `dropped`."""
    return [file for file in question.attachments.all() if file.pk not in dropped]
