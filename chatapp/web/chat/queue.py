"""The queue of a session, as people change it: cards below the transcript (B18, B19)."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from chatapp.web.chat.composer import dropped_of, text_of
from chatapp.web.chat.page import change, find_session
from chatapp.web.shell.decorators import private
from runs.lifecycle import queue
from runs.models import Run


@require_POST
@private
def edit_queued_run(request: HttpRequest, pk: UUID) -> HttpResponse:
    run = _run(request, pk)
    return change(request, run.session_id, lambda: queue.edit(run, text_of(request), dropped_of(request)))


@require_POST
@private
def remove_queued_run(request: HttpRequest, pk: UUID) -> HttpResponse:
    run = _run(request, pk)
    return change(request, run.session_id, lambda: queue.remove(run, by=request.user))


@require_POST
@private
def send_queued_run_now(request: HttpRequest, pk: UUID) -> HttpResponse:
    run = _run(request, pk)
    return change(request, run.session_id, lambda: queue.send_now(run, by=request.user))


@require_POST
@private
def release_queue(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Let the held queue go on."""
    session = find_session(request, pk)
    return change(request, pk, lambda: queue.release(session))


@require_POST
@private
def discard_queue(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Empty the queue."""
    session = find_session(request, pk)
    return change(request, pk, lambda: queue.clear(session, by=request.user))


def _run(request: HttpRequest, pk: UUID) -> Run:
    return get_object_or_404(Run.objects.visible_to(request.user), pk=pk)
