"""A session as a file: Markdown for people, JSON for programs."""

from collections.abc import Iterator
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from chatapp.chats.models import Session
from chatapp.pages.conversation import find_session
from chatapp.pages.requests import private
from chatapp.pages.sessions import title_of
from chatapp.pages.transcript import Entry, entries, path

FORMAT = "chatapp-session-1"
INCOMPLETE = {"stopped": "stopped", "failed": "failed", "lost": "interrupted"}


@require_GET
@private
def markdown(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What the page shows, as Markdown: an answer is put in as the model wrote it."""
    session = find_session(request, pk)
    text = "\n\n".join(_blocks(session)) + "\n"
    return _file(HttpResponse(text, content_type="text/markdown; charset=utf-8"), session, "md")


@require_GET
@private
def json(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Everything that was said, with all branches: each message names the one before it as its parent."""
    session = find_session(request, pk)
    names = dict(session.runs.order_by("id").values_list("message_id", "model__name"))
    whole = {
        "format": FORMAT,
        "id": session.pk,
        "title": title_of(session),
        "created_at": session.created_at,
        "exported_at": timezone.now(),
        "settings": {name: getattr(session, name) for name in ("system_prompt", "temperature", "max_tokens")},
        "shown": [message.pk for message in path(session)],
        "messages": [_message(message, names) for message in session.messages.order_by("id")],
    }
    return _file(JsonResponse(whole, json_dumps_params={"ensure_ascii": False, "indent": 1}), session, "json")


def _blocks(session: Session) -> Iterator[str]:
    yield f"# {title_of(session)}"
    for entry in entries(path(session)):
        yield f"## {_speaker(entry)}"
        if content := entry.text or entry.message.content:
            yield content
        if word := INCOMPLETE.get(entry.message.state):
            yield f"*({word})*"


def _speaker(entry: Entry) -> str:
    if not entry.is_answer:
        return "You"
    return entry.run.model.label if entry.run and entry.run.model else "A model that was removed"


def _message(message, names: dict) -> dict:
    fields = ("id", "parent_id", "role", "state", "content", "reasoning", "tools", "created_at")
    return {name: getattr(message, name) for name in fields} | {"model": names.get(message.pk)}


def _file(response: HttpResponse, session: Session, suffix: str) -> HttpResponse:
    name = slugify(title_of(session))[:60] or "chat"
    response["Content-Disposition"] = f'attachment; filename="{name}.{suffix}"'
    return response
