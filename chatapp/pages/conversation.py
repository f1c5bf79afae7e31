"""The page of a session: its transcript, its queue and the form below; and the part of it that a change renews.

Whatever changes a session answers the page's script with that part, and leads a form back to the page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from chatapp.chats.models import MessageState, Session
from chatapp.chats.naming import title_of, with_opening
from chatapp.chats.tree import Tree
from chatapp.pages.composer import Composer
from chatapp.pages.requests import is_scripted
from chatapp.pages.transcript import Entry, entries
from chatapp.pages.tuning import TuningForm, is_tuned
from runs.branches import load, shown_ids
from runs.errors import RunError
from runs.lifecycle import under_way
from runs.models import Run
from runs.queueing import waiting
from runs.states import Status
from streams.log import head

PAGE_MESSAGES = 40  # shown at first, and with every step back


@dataclass
class Queue:
    """What waits for its turn. Answers to a message that is shown already are followed, but are no cards."""

    is_held: bool
    runs: list[Run]
    elsewhere: Run | None = None  # an answer that is being written on a branch which is not shown
    elsewhere_seq: int = 0

    @property
    def cards(self) -> list[Run]:
        return [run for run in self.runs if run.message.parent.state == MessageState.WAITING]


@dataclass
class Look:
    """What there is to show of a session: the ids of its messages, in order, and its queue."""

    session: Session
    tree: Tree
    ids: list[UUID]
    queue: Queue

    def entries(self, ids: list[UUID]) -> list[Entry]:
        return entries(load(self.session, ids), self.tree)

    def earliest(self, ids: list[UUID]) -> UUID | None:
        """The first of these messages, if others come before it."""
        return ids[0] if ids and ids[0] != self.ids[0] else None


def find_session(request: HttpRequest, pk: UUID) -> Session:
    """The user's own session. What is another user's is answered like what does not exist (B55)."""
    return get_object_or_404(with_opening(Session.objects.visible_to(request.user)), pk=pk)


def session_page(request: HttpRequest, session: Session, composer: Composer, status: int = 200) -> HttpResponse:
    look = _look(session)
    start = max(_place(look.ids, request.GET.get("before", ""), otherwise=len(look.ids)) - PAGE_MESSAGES, 0)
    ids = look.ids[start:]
    shown = look.entries(ids)
    composer.active = next((entry.run for entry in shown if entry.is_active), None)
    context = {
        "session": session,
        "title": title_of(session),
        "entries": shown,
        "earlier": look.earliest(ids),
        "queue": look.queue,
        "composer": composer,
        "tuning": TuningForm(instance=session),
        "is_tuned": is_tuned(session),
        "models": composer.models,
    }
    return render(request, "pages/session.html", context, status=status)


def conversation_part(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The transcript after the message that the script names, or the whole if that is not shown; and the queue."""
    session = find_session(request, pk)
    after = request.POST.get("after") or request.GET.get("after", "")
    look = _look(session)
    place = _place(look.ids, after, otherwise=-1)
    ids = look.ids[place + 1 :] if place >= 0 else look.ids[-PAGE_MESSAGES:]
    context = {
        "session": session,
        "after": after if place >= 0 else "",
        "entries": look.entries(ids),
        "earlier": None if place >= 0 else look.earliest(ids),
        "queue": look.queue,
        "models": Composer().models,
    }
    return render(request, "pages/conversation.html", context)


def earlier_part(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The messages before the one that the script names."""
    look = _look(find_session(request, pk))
    end = _place(look.ids, request.GET.get("before", ""), otherwise=0)
    ids = look.ids[max(end - PAGE_MESSAGES, 0) : end]
    context = {"session": look.session, "entries": look.entries(ids), "earlier": look.earliest(ids)}
    return render(request, "pages/messages.html", context | {"models": Composer().models})


def _place(ids: list[UUID], wanted: str, otherwise: int) -> int:
    return next((place for place, pk in enumerate(ids) if str(pk) == wanted), otherwise)


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


def _look(session: Session) -> Look:
    """What is shown and what waits. A run goes from the queue to the transcript: looked at in this order, it may be
    seen in both, but is not missed in both."""
    runs = list(waiting(session))
    ids, tree = shown_ids(session)
    queue = Queue(session.is_queue_held, [run for run in runs if run.message_id not in ids])
    for run_place, run in enumerate(queue.cards, 1):
        run.place = run_place
    queue.elsewhere = under_way(session.pk).filter(status=Status.RUNNING).exclude(message__in=ids).first()
    if queue.elsewhere:
        queue.elsewhere_seq = head(queue.elsewhere.pk).seq
    return Look(session, tree, ids, queue)
