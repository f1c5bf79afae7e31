"""The page of a session: its transcript, its queue and the form below; and the part of it that a change renews.

Whatever changes a session answers the page's script with that part, and leads a form back to the page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from chatapp.chats.models import Message, MessageState, Session
from chatapp.pages.composer import Composer
from chatapp.pages.requests import is_scripted
from chatapp.pages.sessions import sidebar, title_of, with_opening
from chatapp.pages.transcript import entries, path
from runs.errors import RunError
from runs.models import Run
from runs.queueing import waiting


@dataclass
class Queue:
    """What waits for its turn. Answers to a message that is shown already are followed, but are no cards."""

    is_held: bool
    runs: list[Run]

    @property
    def cards(self) -> list[Run]:
        return [run for run in self.runs if run.message.parent.state == MessageState.WAITING]


def find_session(request: HttpRequest, pk: UUID) -> Session:
    """The user's own session. What is another user's is answered like what does not exist (B55)."""
    return get_object_or_404(with_opening(Session.objects.visible_to(request.user)), pk=pk)


def session_page(request: HttpRequest, session: Session, composer: Composer, status: int = 200) -> HttpResponse:
    messages, queue = _look(session)
    shown = entries(messages)
    composer.active = next((entry.run for entry in shown if entry.is_active), None)
    context = {
        "session": session,
        "title": title_of(session),
        "entries": shown,
        "queue": queue,
        "composer": composer,
        "sidebar": sidebar(request.user, request.GET.get("page"), session),
    }
    return render(request, "pages/session.html", context, status=status)


def conversation_part(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The transcript after the message that the script names, or the whole if that is not shown; and the queue."""
    session = find_session(request, pk)
    after = request.POST.get("after") or request.GET.get("after", "")
    messages, queue = _look(session)
    place = next((place for place, message in enumerate(messages, 1) if str(message.pk) == after), 0)
    context = {
        "session": session,
        "after": after if place else "",
        "entries": entries(messages[place:]),
        "queue": queue,
    }
    return render(request, "pages/conversation.html", context)


def change(
    request: HttpRequest, session_id: UUID, work: Callable[[], object], composer: Composer | None = None
) -> HttpResponse:
    """Do `work` in a session and show what has become of it; a RunError is shown by the form, which is `composer`."""
    try:
        work()
    except RunError as error:
        return _refusal(request, session_id, composer, error)
    return conversation_part(request, session_id) if is_scripted(request) else at_end(session_id)


def _refusal(request: HttpRequest, session_id: UUID, composer: Composer | None, error: RunError) -> HttpResponse:
    if is_scripted(request):
        return JsonResponse({"code": error.code, "message": error.message}, status=422)
    session = find_session(request, session_id)
    composer = composer or Composer(model=session.model)
    composer.error = error
    return session_page(request, session, composer, status=422)


def at_end(session_id: UUID) -> HttpResponse:
    """To the end of the session's page: without JavaScript nothing else scrolls there."""
    return redirect(f"{reverse('session', args=[session_id])}#end")


def _look(session: Session) -> tuple[list[Message], Queue]:
    """What is shown and what waits. A run goes from the queue to the transcript: looked at in this order, it may be
    seen in both, but is not missed in both."""
    runs = list(waiting(session))
    messages = path(session)
    shown = {message.pk for message in messages}
    return messages, Queue(session.is_queue_held, [run for run in runs if run.message_id not in shown])
