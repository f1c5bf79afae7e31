"""One answer, as people follow, stop and ask for it anew."""

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from chatapp.chats.models import Message, Role
from chatapp.web.chat.composer import Composer, model_of
from chatapp.web.chat.drafts import keep_draft
from chatapp.web.chat.messages import find_message
from chatapp.web.chat.page import at_end, change
from chatapp.web.shell.decorators import is_fetch, login_required_async, private
from runs.actions import answer_again, go_on
from runs.errors import NothingToContinue
from runs.lifecycle.stop import request_stop
from runs.models import Run
from runs.queries.branches import path
from streams.access import SessionViewer
from streams.transports.sse import page_stream


@require_POST
@private
def regenerate_answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Regenerate, or retry: another answer to the same question takes this one's place.

    Asked is the model that was named, else the one that answered: one that was switched off since is in nobody's way.
    """
    answer = find_message(request, pk, role=Role.ASSISTANT)
    chosen = Composer(model=model_of(request) or _model_before(answer)).chosen
    model = chosen.name if chosen else ""
    return _ask(request, answer, lambda: answer_again(answer, user=request.user, model=model))


def _model_before(answer: Message) -> str:
    last = answer.runs.select_related("model").order_by("-id").first()
    return last.model.name if last and last.model else answer.session.model


@require_POST
@private
def continue_answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Continue the last answer: the same message grows (B39)."""
    answer = find_message(request, pk, role=Role.ASSISTANT)

    def work() -> None:
        if path(answer.session)[-1].pk != answer.pk:
            raise NothingToContinue
        go_on(answer, user=request.user)

    return _ask(request, answer, work)


def _ask(request: HttpRequest, answer: Message, work: Callable[[], object]) -> HttpResponse:
    """A second click finds the first one's run on its way and asks for nothing more (B22)."""
    is_asked_for = Run.objects.active().filter(message__parent=answer.parent_id).exists()
    return change(request, answer.session_id, (lambda: None) if is_asked_for else work)


@require_POST
@private
def stop_run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop an answer. Without JavaScript the button stands in the composer: what was typed there is kept."""
    run = get_object_or_404(Run.objects.visible_to(request.user), pk=pk)
    state = request_stop(run, by=request.user)
    if is_fetch(request):
        return JsonResponse({"state": state})
    if draft := request.POST.get("text", ""):
        keep_draft(request, run.session_id, draft)
    return at_end(run.session_id)


@require_GET
@login_required_async
async def run_events(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The run's stream as server-sent events (docs/protocol.md)."""
    return await page_stream(request, SessionViewer(request.user.pk, request.session.session_key), pk)
