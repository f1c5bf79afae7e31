"""A session's queue: edit, remove and send waiting messages (B18, B19)."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from chatapp.web.chat.composer import removed_files_of, text_of
from chatapp.web.chat.page import change, find_session
from chatapp.web.shell.decorators import post_only, private, private_object
from runs.lifecycle import queue
from runs.models import Run


@post_only
@private_object(Run.objects.visible_to)
def edit_queued_run(request: HttpRequest, run: Run) -> HttpResponse:
    return change(request, run.session_id, lambda: queue.edit(run, text_of(request), removed_files_of(request)))


@post_only
@private_object(Run.objects.visible_to)
def remove_queued_run(request: HttpRequest, run: Run) -> HttpResponse:
    return change(request, run.session_id, lambda: queue.remove(run, by=request.user))


@post_only
@private_object(Run.objects.visible_to)
def send_queued_run_now(request: HttpRequest, run: Run) -> HttpResponse:
    return change(request, run.session_id, lambda: queue.send_now(run, by=request.user))


@post_only
@private
def release_queue(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Resume a queue that a stop has put on hold."""
    session = find_session(request, pk)
    return change(request, pk, lambda: queue.release(session))


@post_only
@private
def discard_queue(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Remove everything from the queue."""
    session = find_session(request, pk)
    return change(request, pk, lambda: queue.clear(session, by=request.user))
