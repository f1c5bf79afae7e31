"""The page of a session (transcript, queue, composer), and the part of it that a change updates.

A view that changes a session responds with that part to the page's script, and with a redirect to a form.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib.humanize.templatetags.humanize import ordinal
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from chatapp.chats.models import MessageState, Session
from chatapp.chats.search import QUERY_CHARACTERS, words_of
from chatapp.chats.titles import title_of, with_opening
from chatapp.chats.tree import Tree
from chatapp.files.errors import FileRefused
from chatapp.web.chat.composer import Composer
from chatapp.web.chat.model_settings import ModelSettingsForm, has_model_settings
from chatapp.web.chat.paging import PAGE_MESSAGES, Pager, fits
from chatapp.web.chat.transcript import Entry, entries
from chatapp.web.shell.decorators import is_fetch
from chatapp.web.shell.model_options import has_choice
from runs.errors import RunError
from runs.lifecycle.queue import active_runs
from runs.models import Run
from runs.queries.branches import load, shown_ids
from runs.states import Status
from streams.log.store import head

EXCHANGE = 2  # messages; the last question and its answer are on the page whatever their length,
AFTER_SENDING = EXCHANGE + 1  # and so is the answer before a message that is sent
MAX_MESSAGES = (
    200  # short messages on one page, for readers without JavaScript who paged back, and for the script to catch up
)


@dataclass
class QueuedRun:
    """A queued run. `number` counts cards from 1; None: its question is in the transcript, so it has no card."""

    run: Run
    number: int | None

    @property
    def place(self) -> str:
        return "Next in queue" if self.number == 1 else f"{ordinal(self.number)} in queue"


@dataclass
class Queue:
    """The queued runs, and an active run on a branch that is not displayed."""

    is_held: bool
    runs: list[QueuedRun]
    elsewhere: Run | None = None
    elsewhere_seq: int = 0

    @property
    def has_cards(self) -> bool:
        return any(queued.number for queued in self.runs)


@dataclass
class Conversation:
    """What a session's page displays: the messages of the current branch, and the queue."""

    session: Session
    tree: Tree
    ids: list[UUID]  # of the messages, in order
    queue: Queue

    @classmethod
    def of(cls, session: Session) -> "Conversation":
        """Read the queue before the transcript: a run that moves between the two is then in both, never in neither."""
        active = list(active_runs(session))
        ids, tree = shown_ids(session, active)
        hidden = [run for run in active if run.message_id not in ids]
        queue = Queue(session.is_queue_held, _queued([run for run in hidden if _is_in_queue(run)]))
        if any(run.status == Status.RUNNING for run in hidden):  # unless it has ended meanwhile
            queue.elsewhere = session.runs.filter(status=Status.RUNNING).exclude(message__in=ids).first()
        if queue.elsewhere:
            queue.elsewhere_seq = head(queue.elsewhere.pk).seq
        return cls(session, tree, ids, queue)

    def entries(self, ids: list[UUID]) -> list[Entry]:
        return entries(load(self.session, ids), self.tree)

    def index(self, message_id: str, default: int) -> int:
        return next((index for index, pk in enumerate(self.ids) if str(pk) == message_id), default)

    def newest(self) -> list[UUID]:
        return Pager(self.ids).page_to(len(self.ids), least=EXCHANGE)

    def before(self, message_id: str) -> list[UUID]:
        """The page before a message; empty if that is the first one or unknown."""
        return Pager(self.ids).page_to(self.index(message_id, default=0))

    def around(self, message_id: str) -> list[UUID]:
        """A page with a message in its middle; empty if that is unknown, or on another branch."""
        index = self.index(message_id, default=-1)
        if index < 0:
            return []
        pager = Pager(self.ids)
        page = pager.page_from(max(index - PAGE_MESSAGES // 2, 0))
        return page if self.ids[index] in page else pager.page_from(index)

    def after(self, message_id: str) -> list[UUID]:
        """The page after a message; empty if that is the last one or unknown."""
        start = self.index(message_id, default=-1) + 1
        return Pager(self.ids).page_from(start) if start else []

    def on_other_branch(self, message_id: str) -> UUID | None:
        """The id of a message of this session that the current branch does not have."""
        try:
            pk = UUID(message_id)
        except ValueError:
            return None
        return pk if pk not in self.ids and self.session.messages.filter(pk=pk).exists() else None

    def earlier(self, ids: list[UUID]) -> UUID | None:
        """The first of `ids`, if the branch has messages before it."""
        return ids[0] if ids and ids[0] != self.ids[0] else None

    def later(self, ids: list[UUID]) -> UUID | None:
        """The last of `ids`, if the branch has messages after it."""
        return ids[-1] if ids and ids[-1] != self.ids[-1] else None


def _is_in_queue(run: Run) -> bool:
    return run.status == Status.QUEUED and run.task_id is None


def _queued(runs: list[Run]) -> list[QueuedRun]:
    prefetch_related_objects(runs, "message__parent__attachments")
    queued, cards = [], 0
    for run in runs:
        is_card = run.message.parent.state == MessageState.WAITING
        cards += is_card
        queued.append(QueuedRun(run, cards if is_card else None))
    return queued


def own_session(request: HttpRequest, pk: UUID) -> Session:
    """The user's own session. 404 for another user's, as for one that does not exist (B55)."""
    return get_object_or_404(Session.objects.visible_to(request.user), pk=pk)


def find_session(request: HttpRequest, pk: UUID) -> Session:
    """The same, with what `title_of` needs, which is read from the messages."""
    return get_object_or_404(with_opening(Session.objects.visible_to(request.user)), pk=pk)


def view_response(request: HttpRequest, template: str, context: dict[str, object], status: int = 200) -> HttpResponse:
    """A page; for the page's script, which shows it in place, only what stands beside the sidebar.

    That is never stored: the browser would show it as the page at this address.
    """
    if not is_fetch(request):
        return render(request, template, context, status=status)
    response = render(request, template, {**context, "frame": "shell/view.html"}, status=status)
    response["Cache-Control"] = "no-store"
    return response


def session_page(request: HttpRequest, session: Session, composer: Composer, status: int = 200) -> HttpResponse:
    conversation = Conversation.of(session)
    ids = _requested_ids(request, conversation)
    transcript = conversation.entries(ids)
    target = request.GET.get("at", "")
    for entry in transcript:
        if str(entry.message.pk) == target:
            entry.is_target, entry.words = True, words_of(request.GET.get("q", "")[:QUERY_CHARACTERS])
    composer.active = next((entry.run for entry in transcript if entry.is_active), None)
    context = {
        "session": session,
        "title": title_of(session),
        "entries": transcript,
        "earlier": conversation.earlier(ids),
        "later": conversation.later(ids),
        "elsewhere": conversation.on_other_branch(target),
        "queue": conversation.queue,
        "composer": composer,
        "model_settings": ModelSettingsForm(instance=session, models=composer.models),
        "has_model_settings": has_model_settings(session),
        "has_other_models": len(composer.models) > 1,
    }
    return view_response(request, "chat/session.html", context, status)


def _requested_ids(request: HttpRequest, conversation: Conversation) -> list[UUID]:
    """The page around the message `at`, the one `after` a message, the one `before` a message, or the newest.

    The one before a message has all that follows too, if that is short.
    """
    if around := conversation.around(request.GET.get("at", "")):
        return around
    if later := conversation.after(request.GET.get("after", "")):
        return later
    earlier = conversation.before(request.GET.get("before", ""))
    if not earlier:
        return conversation.newest()
    rest = conversation.ids[conversation.ids.index(earlier[0]) :]
    return rest if _is_short(rest) else earlier


def _is_short(ids: list[UUID]) -> bool:
    """Whether these messages fit on one page, even if they are more than usual."""
    return len(ids) <= MAX_MESSAGES and fits(ids)


def conversation_part(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The queue and the messages after the one the script names, or the newest page if that is unknown or far back."""
    conversation = Conversation.of(own_session(request, pk))
    after = request.POST.get("after") or request.GET.get("after", "")
    index = conversation.index(after, default=-1)
    ids = conversation.ids[index + 1 :]
    is_whole = index < 0 or not (len(ids) <= AFTER_SENDING or _is_short(ids))
    ids = conversation.newest() if is_whole else ids
    context = {
        "session": conversation.session,
        "after": "" if is_whole else after,
        "entries": conversation.entries(ids),
        "earlier": conversation.earlier(ids) if is_whole else None,
        "queue": conversation.queue,
        "has_other_models": has_choice(request.user),
    }
    return render(request, "chat/conversation.html", context)


def more_part(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The messages before (`before`) or after (`later`) the one the script names."""
    conversation = Conversation.of(own_session(request, pk))
    is_later = "later" in request.GET
    ids = conversation.after(request.GET["later"]) if is_later else conversation.before(request.GET.get("before", ""))
    context = {
        "session": conversation.session,
        "entries": conversation.entries(ids),
        "earlier": None if is_later else conversation.earlier(ids),
        "later": conversation.later(ids) if is_later else None,
        "has_other_models": has_choice(request.user),
    }
    return render(request, "chat/messages.html", context)


def change(
    request: HttpRequest, session_id: UUID, work: Callable[[], object], composer: Callable[[], Composer] | None = None
) -> HttpResponse:
    """Call `work` on a session and display the result. The form (`composer()` if given) displays a RunError."""
    try:
        work()
    except (RunError, FileRefused) as error:
        return _error_response(request, session_id, composer, error)
    return conversation_part(request, session_id) if is_fetch(request) else redirect_to_end(session_id)


def _error_response(
    request: HttpRequest, session_id: UUID, composer: Callable[[], Composer] | None, error: RunError | FileRefused
) -> HttpResponse:
    if is_fetch(request):
        return error_json(error)
    session = find_session(request, session_id)
    form = composer() if composer else Composer(request.user, model=session.model)
    form.error = error
    return session_page(request, session, form, status=422)


def error_json(error: RunError | FileRefused) -> JsonResponse:
    return JsonResponse({"code": error.code, "message": error.message}, status=422)


def redirect_to_end(session_id: UUID) -> HttpResponse:
    """To the end of the session's page: without JavaScript nothing else scrolls there."""
    return redirect(f"{reverse('session', args=[session_id])}#end")
