"""Files stood at the end of a message's text, each in a fence under its name: they become rows of their own.

A message is taken apart only if it is exactly what earlier versions made of words and files, so that the way back gives
the same text again; any other text stays as it is. A text is read once, from its end, in time that grows with its
length alone. A few messages at a time, each batch in a transaction of its own: what ends in the middle goes on there.
"""

import re
from collections.abc import Iterator
from mimetypes import MimeTypes
from typing import NamedTuple

from django.db import migrations, transaction

BATCH = 50  # messages in memory at once
MAX_FILES = 100  # no form could send more at once: a text with more was written so
NAME_CHARACTERS = TYPE_CHARACTERS = 100
HEADING = "File: "
FENCE = re.compile(r"`{3,}")
NO_TEXT = re.compile(r"audio/|video/|font/|application/octet-stream$")
KNOWN_TYPES = MimeTypes()
KNOWN_TYPES.add_type("text/markdown", ".md")


class File(NamedTuple):
    name: str
    text: str

    @property
    def media_type(self) -> str:
        guess = KNOWN_TYPES.guess_type(f"file:{self.name}")[0] or ""
        return guess if 0 < len(guess) <= TYPE_CHARACTERS and not NO_TEXT.match(guess) else "text/plain"


def compose(words: str, files: list[File]) -> str:
    """As `with_attachments` did."""
    return "\n\n".join([*([words] if words.strip() else []), *(_block(file) for file in files)])


def _block(file: File) -> str:
    fence = "`" * (max(map(len, FENCE.findall(file.text)), default=2) + 1)
    body = file.text if file.text.endswith("\n") else f"{file.text}\n"
    return f"{HEADING}{file.name}\n{fence}\n{body}{fence}"


def take_apart(content: str) -> tuple[str, list[File]]:
    """The words and the files of which `compose` makes exactly `content`; no files where there are none of these."""
    lines = content.split("\n")
    start, ends = _chain(lines)
    if start is None:
        return content, []
    words, files, place = "\n".join(lines[: max(start - 1, 0)]), [], start
    while place < len(lines):
        end = ends[place]
        files.append(File(lines[place].removeprefix(HEADING), "\n".join(lines[place + 2 : end])))
        place = end + 2
    is_storable = len(files) <= MAX_FILES and all(0 < len(file.name) <= NAME_CHARACTERS for file in files)
    return (words, files) if is_storable and compose(words, files) == content else (content, [])


def _chain(lines: list[str]) -> tuple[int | None, dict[int, int]]:
    """The first heading from which on there are files only, and where the file under each such heading ends."""
    start, ends, below = None, {}, {}  # below: of each fence the next line, at least two lines further on, that is it
    for place in range(len(lines) - 3, -1, -1):
        if FENCE.fullmatch(lines[place + 2]):
            below[lines[place + 2]] = place + 2
        end = below.get(lines[place + 1]) if lines[place].startswith(HEADING) else None
        if end is None:
            continue
        if end + 1 == len(lines) or (not lines[end + 1] and end + 2 in ends):
            ends[place] = end
            start = place if place == 0 or not lines[place - 1] else start
    return start, ends


def split(apps, schema_editor):
    Message, Attachment = apps.get_model("chats", "Message"), apps.get_model("chats", "Attachment")
    using = schema_editor.connection.alias
    ending = Message.objects.using(using).filter(role="user", content__contains=HEADING, content__endswith="```")
    for rows in _batches(ending.filter(attachments=None).values_list("pk", "content")):
        with transaction.atomic(using):
            for pk, content in rows:
                words, files = take_apart(content)
                # What is edited in the queue at this moment is left as it is.
                if files and Message.objects.using(using).filter(pk=pk, content=content).update(content=words):
                    Attachment.objects.using(using).bulk_create(
                        Attachment(
                            message_id=pk,
                            position=position,
                            name=file.name,
                            media_type=file.media_type,
                            size=len(file.text.encode()),
                            text=file.text,
                        )
                        for position, file in enumerate(files)
                    )


def join(apps, schema_editor):
    Message, Attachment = apps.get_model("chats", "Message"), apps.get_model("chats", "Attachment")
    using = schema_editor.connection.alias
    with_files = Message.objects.using(using).filter(pk__in=Attachment.objects.using(using).values("message"))
    for rows in _batches(with_files.values_list("pk", "content")):
        with transaction.atomic(using):
            for pk, words in rows:
                files = Attachment.objects.using(using).filter(message=pk).order_by("position")
                whole = compose(words, [File(file.name, file.text) for file in files])
                Message.objects.using(using).filter(pk=pk).update(content=whole)
                files.delete()


def _batches(rows) -> Iterator[list]:
    """By the primary key: no cursor stays open, and nothing is skipped though rows leave the selection."""
    batch = list(rows.order_by("pk")[:BATCH])
    while batch:
        yield batch
        batch = list(rows.filter(pk__gt=batch[-1][0]).order_by("pk")[:BATCH])


class Migration(migrations.Migration):
    atomic = False  # one transaction for all would hold SQLite's lock for minutes

    dependencies = [
        ("chats", "0007_attachments"),
    ]

    operations = [
        migrations.RunPython(split, join),
    ]
