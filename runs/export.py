"""A session as a file: Markdown for people, JSON for programs."""

from collections.abc import Iterator

from django.utils import timezone
from django.utils.text import slugify

from chatapp.chats.actions import FINAL
from chatapp.chats.attachments import whole_of
from chatapp.chats.models import Message, Role, Session
from chatapp.chats.naming import title_of
from runs.answers import shown
from runs.branches import path
from runs.models import Run

FORMAT = "chatapp-session-1"
INCOMPLETE = {"stopped": "stopped", "failed": "failed", "lost": "interrupted"}
NAME_CHARACTERS = 60  # of a file
OF_FILE = ("name", "media_type", "size", "text")


def file_name(session: Session, suffix: str) -> str:
    """A harmless one, after the title. The session comes `with_opening`, here and below."""
    return f"{slugify(title_of(session))[:NAME_CHARACTERS] or 'chat'}.{suffix}"


def markdown_of(session: Session) -> str:
    """What the page shows, as Markdown: an answer is put in as the model wrote it."""
    return "\n\n".join(_blocks(session)) + "\n"


def document_of(session: Session) -> dict:
    """Everything that was said, with all branches: each message names the one before it as its parent."""
    names = dict(session.runs.order_by("id").values_list("message_id", "model__name"))
    return {
        "format": FORMAT,
        "id": session.pk,
        "title": title_of(session),
        "created_at": session.created_at,
        "exported_at": timezone.now(),
        "settings": {name: getattr(session, name) for name in ("system_prompt", "temperature", "max_tokens")},
        "shown": [message.pk for message in path(session)],
        "messages": [
            _message(message, names) for message in session.messages.prefetch_related("attachments").order_by("id")
        ],
    }


def _blocks(session: Session) -> Iterator[str]:
    yield f"# {title_of(session)}"
    messages = path(session)
    runs = Run.objects.filter(message__in=[message.pk for message in messages]).select_related("model").order_by("id")
    last_run = {run.message_id: run for run in runs}
    for message in messages:
        run = last_run.get(message.pk)
        yield f"## {_speaker(message, run)}"
        if content := _content(message, run):
            yield content
        if word := INCOMPLETE.get(message.state):
            yield f"*({word})*"


def _speaker(message: Message, run: Run | None) -> str:
    if message.role == Role.USER:
        return "You"
    return run.model.label if run and run.model else "A model that was removed"


def _content(message: Message, run: Run | None) -> str:
    """Of a question with its files; of an answer that is being written, what there is of it."""
    if message.role == Role.USER:
        return whole_of(message)
    if run is None or message.state in FINAL:
        return message.content
    folded = shown(run)
    if folded.final:  # it ended after the row was read
        message.refresh_from_db()
        return message.content
    return folded.text


def _message(message: Message, names: dict) -> dict:
    fields = ("id", "parent_id", "role", "state", "content", "reasoning", "tools", "created_at")
    files = [{name: getattr(file, name) for name in OF_FILE} for file in message.attachments.all()]
    return {name: getattr(message, name) for name in fields} | {"attachments": files, "model": names.get(message.pk)}
