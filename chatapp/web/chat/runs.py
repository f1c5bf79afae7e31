"""One answer: follow, stop, regenerate, continue."""

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chatapp.chats.models import Message, Role
from chatapp.web.chat.composer import Composer, model_of
from chatapp.web.chat.drafts import Draft, keep_draft
from chatapp.web.chat.messages import find_message
from chatapp.web.chat.page import change, redirect_to_end
from chatapp.web.shell.decorators import is_fetch, login_required_async, post_only, private, private_object
from chatapp.web.shell.model_options import grouped, usable_models
from runs import actions
from runs.errors import NothingToContinue
from runs.lifecycle.stop import request_stop
from runs.models import Run
from runs.queries.branches import path
from streams.access import SessionViewer
from streams.transports.sse import page_stream


@post_only
@private
def regenerate_answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Regenerate or retry: another answer to the same question replaces this one on the page.

    By the model named in the form, else the one that answered, or the default if that is disabled now.
    """
    answer = find_message(request, pk, role=Role.ASSISTANT)
    selected = Composer(request.user, model=model_of(request) or _model_of_answer(answer)).selected_model
    model = selected.name if selected else ""
    return _request_answer(request, answer, lambda: actions.answer_again(answer, user=request.user, model=model))


@require_GET
@private
def choose_other_model(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The form that asks another model, for readers without JavaScript; the page's script shows a list in place."""
    answer = find_message(request, pk, role=Role.ASSISTANT)
    return render(
        request,
        "chat/other_model.html",
        {"answer": answer, "groups": grouped(usable_models(request.user), request.user)},
    )


def _model_of_answer(answer: Message) -> str:
    last = answer.runs.select_related("model").order_by("-id").first()
    return last.model.name if last and last.model else answer.session.model


@post_only
@private
def continue_answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Continue the last answer: new text is added to the same message (B39)."""
    answer = find_message(request, pk, role=Role.ASSISTANT)

    def work() -> None:
        if path(answer.session)[-1].pk != answer.pk:
            raise NothingToContinue
        actions.continue_answer(answer, user=request.user)

    return _request_answer(request, answer, work)


def _request_answer(request: HttpRequest, answer: Message, work: Callable[[], object]) -> HttpResponse:
    """Call `work`, unless the same question already has an active answer: a second click does nothing (B22)."""
    is_requested = Run.objects.active().filter(message__parent=answer.parent_id).exists()
    return change(request, answer.session_id, (lambda: None) if is_requested else work)


@post_only
@private_object(Run.objects.visible_to)
def stop_run(request: HttpRequest, run: Run) -> HttpResponse:
    """Stop an answer. Without JavaScript, Stop is a button of the composer's form: keep what was typed there."""
    state = request_stop(run, by=request.user)
    if is_fetch(request):
        return JsonResponse({"state": state})
    if draft := Draft.posted(request):
        keep_draft(request, run.session_id, draft)
    return redirect_to_end(run.session_id)


@require_GET
@login_required_async
async def run_events(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The run's stream as server-sent events (docs/protocol.md)."""
    return await page_stream(request, SessionViewer(request.user.pk, request.session.session_key), pk)
