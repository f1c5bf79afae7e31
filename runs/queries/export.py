"""A session as a file: Markdown for people, JSON for programs. It is generated in parts: a session may be long."""

import json
import re
from collections.abc import Callable, Iterator
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.text import slugify

from chatapp.chats.attachments import full_text
from chatapp.chats.models import Attachment, Message, Role, Session
from chatapp.chats.titles import title_of
from chatapp.files.models import StoredFile
from runs.models import Run
from runs.queries.answers import answer_now, sources_of, usage_of
from runs.queries.branches import shown_ids
from runs.queries.costs import plain

FORMAT = "chatapp-session-1"
INCOMPLETE = {"stopped": "stopped", "failed": "failed", "lost": "interrupted"}
NAME_CHARACTERS = 60  # of a file
AT_ONCE = 10  # messages in memory, each of which may be as long as an answer
MARKUP = re.compile(r"[\\`*_\[\]<>!&]")  # what a title must not turn into
SETTINGS = ("system_prompt", "temperature", "max_tokens", "reasoning_effort")
FILE_FIELDS = ("name", "media_type", "size", "text")

Link = Callable[[StoredFile], str]  # where a file is that is exported with its chat


def file_name(session: Session, suffix: str) -> str:
    """A safe file name made from the title. The session comes `with_opening`, here and below."""
    return f"{slugify(title_of(session))[:NAME_CHARACTERS] or 'chat'}.{suffix}"


def markdown_of(session: Session, link: Link | None = None) -> Iterator[str]:
    """What the page shows, as Markdown. Answers are included as the model wrote them; with `link`, files are linked."""
    yield f"# {title_of(session)}"
    for block in _blocks(session, shown_ids(session)[0], link):
        yield f"\n\n{block}"
    yield "\n"


def document_of(session: Session, link: Link | None = None) -> Iterator[str]:
    """All messages of all branches, as JSON: each message names the one before it as its parent.

    With `link`, each file has the `path` of its content.
    """
    head = {
        "format": FORMAT,
        "id": session.pk,
        "title": title_of(session),
        "created_at": session.created_at,
        "exported_at": timezone.now(),
        "settings": {name: getattr(session, name) for name in SETTINGS},
        "shown": shown_ids(session)[0],
    }
    yield f'{_json(head).removesuffix("}")}, "messages": ['
    ids = session.messages.order_by("id").values_list("id", flat=True)
    for number, (message, run) in enumerate(_with_runs(session, list(ids))):
        yield f"{',' if number else ''}\n{_json(_message(message, run, link))}"
    yield "\n]}\n"


def _json(value: dict) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


def _with_runs(session: Session, ids: list[UUID]) -> Iterator[tuple[Message, Run | None]]:
    """These messages, each with its last run, AT_ONCE at a time."""
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        messages = session.messages.defer("html").prefetch_related("attachments__file").in_bulk(some)
        runs = Run.objects.filter(message__in=some).select_related("model").order_by("id")
        last_run = {run.message_id: run for run in runs}
        yield from ((messages[pk], last_run.get(pk)) for pk in some if pk in messages)


def _blocks(session: Session, ids: list[UUID], link: Link | None) -> Iterator[str]:
    for message, run in _with_runs(session, ids):
        yield f"## {_author(message, run)}"
        answer = answer_now(message, run)
        files = message.attachments.all()
        linked = [file for file in files if link and file.file]
        text = message.content if message.role == Role.USER else answer.text
        if content := full_text(text, [file for file in files if file not in linked]):
            yield content
        yield from (_linked(file, link) for file in linked)
        if answer.sources:
            yield markdown_of_sources(answer.sources)
        if label := INCOMPLETE.get(message.state):
            yield f"*({label})*"


def _linked(file: Attachment, link: Link) -> str:
    mark = "!" if file.is_image else ""
    return f"{mark}[{_escaped(file.alt or file.name)}](<{link(file.file)}>)"


def _author(message: Message, run: Run | None) -> str:
    if message.role == Role.USER:
        return "You"
    return run.model.label if run and run.model else "A model that was removed"


def markdown_of_sources(sources: list[dict[str, str]]) -> str:
    """The web pages that an answer names, as a numbered list of links."""
    lines = [f"{n}. [{_label_of(source)}](<{source['url']}>)" for n, source in enumerate(sources, start=1)]
    return "\n".join(["Sources:", "", *lines])


def _label_of(source: dict[str, str]) -> str:
    return _escaped(source["title"] or source["url"])


def _escaped(text: str) -> str:
    """Text as one line of Markdown that shows it unchanged."""
    return MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def _message(message: Message, run: Run | None, link: Link | None) -> dict:
    fields = ("id", "parent_id", "role", "state", "content", "reasoning", "tools", "created_at")
    files = [_file(file, link) for file in message.attachments.all()]
    return {name: getattr(message, name) for name in fields} | {
        "attachments": files,
        "model": run.model.name if run and run.model else None,
        "sources": sources_of(run) if run else [],
        "usage": (usage_of(run) if run else None) or None,
        "cost": plain(run.cost) if run and run.cost is not None else None,
    }


def _file(file: Attachment, link: Link | None) -> dict:
    fields = {name: getattr(file, name) for name in FILE_FIELDS} | {"file": file.file_id}
    if file.is_image:
        fields["alt"] = file.alt
    return fields | {"path": link(file.file)} if link and file.file else fields
