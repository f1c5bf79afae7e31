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
from chatapp.web.chat.composer import Composer
from chatapp.web.chat.model_settings import TuningForm, is_tuned
from chatapp.web.chat.paging import PAGE_MESSAGES, fits, fitting
from chatapp.web.chat.transcript import Entry, entries
from chatapp.web.shell.decorators import is_fetch
from runs.errors import RunError
from runs.lifecycle.queue import waiting
from runs.models import Run
from runs.queries.branches import load, shown_ids
from runs.states import Status
from streams.log.store import head

EXCHANGE = 2  # messages: the last question and its answer are shown whatever they hold
MOST_MESSAGES = 200  # on a page to which somebody went back without JavaScript, if they have little to show


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

    def page_to(self, end: int, least: int = 1) -> list[UUID]:
        """As many messages as make a page, up to that place."""
        start = max(end - PAGE_MESSAGES, 0)
        return self.ids[end - fitting(self.ids[start:end][::-1], least) : end]

    @property
    def newest(self) -> list[UUID]:
        return self.page_to(len(self.ids), least=EXCHANGE)

    def earliest(self, ids: list[UUID]) -> UUID | None:
        """The first of these messages, if others come before it."""
        return ids[0] if ids and ids[0] != self.ids[0] else None

    def latest(self, ids: list[UUID]) -> UUID | None:
        """The last of these messages, if others come after it."""
        return ids[-1] if ids and ids[-1] != self.ids[-1] else None


def find_session(request: HttpRequest, pk: UUID) -> Session:
    """The user's own session. What is another user's is answered like what does not exist (B55)."""
    return get_object_or_404(with_opening(Session.objects.visible_to(request.user)), pk=pk)


def session_page(request: HttpRequest, session: Session, composer: Composer, status: int = 200) -> HttpResponse:
    look = _look(session)
    ids = _asked_for(request, look)
    shown = look.entries(ids)
    composer.active = next((entry.run for entry in shown if entry.is_active), None)
    context = {
        "session": session,
        "title": title_of(session),
        "entries": shown,
        "earlier": look.earliest(ids),
        "later": look.latest(ids),
        "queue": look.queue,
        "composer": composer,
        "tuning": TuningForm(instance=session),
        "is_tuned": is_tuned(session),
        "models": composer.models,
    }
    return render(request, "chat/session.html", context, status=status)


def _asked_for(request: HttpRequest, look: Look) -> list[UUID]:
    """The newest messages; those that come `after` one; or those `before` one, with all that follow if it is little."""
    ids = look.ids
    if 0 < (begin := _place(ids, request.GET.get("after", ""), otherwise=-1) + 1) < len(ids):
        return ids[begin : begin + fitting(ids[begin : begin + PAGE_MESSAGES])]
    end = _place(ids, request.GET.get("before", ""), otherwise=-1)
    if end <= 0:
        return look.newest
    page = look.page_to(end)
    all_from_there = ids[end - len(page) :]
    return all_from_there if _is_little(all_from_there) else page


def _is_little(ids: list[UUID]) -> bool:
    """Whether one page bears them, though they are not counted by pages."""
    return len(ids) <= MOST_MESSAGES and fits(ids)


def conversation_part(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The transcript after the message that the script names, or the whole if that is not shown; and the queue."""
    session = find_session(request, pk)
    after = request.POST.get("after") or request.GET.get("after", "")
    look = _look(session)
    place = _place(look.ids, after, otherwise=-1)
    ids = look.ids[place + 1 :]
    is_whole = place < 0 or not (len(ids) <= EXCHANGE or _is_little(ids))
    ids = look.newest if is_whole else ids
    context = {
        "session": session,
        "after": "" if is_whole else after,
        "entries": look.entries(ids),
        "earlier": look.earliest(ids) if is_whole else None,
        "queue": look.queue,
        "models": Composer().models,
    }
    return render(request, "chat/conversation.html", context)


def earlier_part(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The messages before the one that the script names."""
    look = _look(find_session(request, pk))
    end = _place(look.ids, request.GET.get("before", ""), otherwise=0)
    ids = look.page_to(end)
    context = {"session": look.session, "entries": look.entries(ids), "earlier": look.earliest(ids)}
    return render(request, "chat/messages.html", context | {"models": Composer().models})


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
    return conversation_part(request, session_id) if is_fetch(request) else at_end(session_id)


def _refusal(request: HttpRequest, session_id: UUID, composer: Composer | None, error: RunError) -> HttpResponse:
    if is_fetch(request):
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
    queue.elsewhere = session.runs.under_way().filter(status=Status.RUNNING).exclude(message__in=ids).first()
    if queue.elsewhere:
        queue.elsewhere_seq = head(queue.elsewhere.pk).seq
    return Look(session, tree, ids, queue)
