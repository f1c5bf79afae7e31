"""Celery's tasks: `generate` supervises one run, `write_title` names a session, the others are periodic maintenance."""

import logging
import traceback
from collections.abc import Callable
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from structlog.contextvars import bind_contextvars

from runs.error_details import redact
from runs.errors import EmptyAnswer, InternalError, RunError, UpstreamRejected
from runs.lifecycle import attached, reaper, redispatch, transitions
from runs.maintenance import retention
from runs.message_files import keep_images
from runs.models import Report, Run
from runs.queries import queue_position
from runs.rendering import backlog
from runs.states import Trigger
from runs.upstream import titles
from runs.upstream.failures.program_details import program_details
from runs.upstream.learning import has_findings, keep_findings
from runs.upstream.request import UpstreamRequest, build_request
from runs.worker import tracing
from runs.worker.engine import Fenced, StopRequested, current_pool, start_engine
from runs.worker.shielding import persist, run_shielded
from runs.worker.watchdog import is_shutting_down

logger = logging.getLogger(__name__)

SLICE_SECONDS = 2.0  # s for one call of maintenance that can wait: on prefork the reaper shares its only slot


@shared_task(bind=True, name="runs.tasks.generate", ignore_result=True)
def generate(self: Task, run_id: str) -> None:
    """Take one run from QUEUED to its end. Interruptions propagate: the signal handlers save."""
    if is_shutting_down():
        run_shielded(redispatch.give_back, UUID(run_id), UUID(self.request.id))
        return
    engine = start_engine(self.request.hostname or "", current_pool())
    claimed = run_shielded(transitions.claim, UUID(run_id), UUID(self.request.id), engine.worker)
    if claimed is None:
        return
    run, after = claimed
    bind_contextvars(run_id=run_id)
    logger.info("run %s started", run_id)
    key = provider_key_of(run)
    identity, is_program = run.id, run.trigger == Trigger.API
    try:
        request = run_shielded(build_request, run)
        del claimed, run  # free the rows: this task waits for as long as the answer takes
        with tracing.upstream_span(identity, request):
            finish_reason = learning_from(request, engine.execute, identity, after, request)
        if request.images and not run_shielded(keep_images, identity, request.images) and request.has_only_images:
            raise EmptyAnswer("none of its images could be stored")
    except Fenced:
        logger.warning("run %s was ended by another process; nothing more of it was written", run_id)
    except StopRequested:
        persist(transitions.stop, identity)
    except RunError as error:
        details = program_details(error, key) if is_program else {}  # it may name a model that a comparison hides
        persist(transitions.fail, identity, error, redact(format_trace(error), key), details)
    except Exception as error:
        logger.exception("run %s failed", run_id)
        persist(transitions.fail, identity, InternalError(repr(error)), redact(format_trace(error), key))
    else:
        persist(transitions.complete, identity, finish_reason)


def learning_from(request: UpstreamRequest, call: Callable[..., str], *args: Any) -> str:
    """Return `call(*args)`, which sends the request, and keep what its answer has shown (B66, B67)."""
    try:
        result = call(*args)
    except UpstreamRejected:
        raise  # what was changed did not help
    except RunError:
        _keep_findings(request)
        raise
    _keep_findings(request)
    return result


def _keep_findings(request: UpstreamRequest) -> None:
    if has_findings(request):
        run_shielded(keep_findings, request)


def format_trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def provider_key_of(run: Run) -> str | None:
    """The key of the run's provider, if it has a usable one. It must not show in a trace."""
    provider = run.model.provider if run.model else None
    return provider.key if provider is not None and not provider.key_fault else None


@shared_task(name="runs.tasks.write_title", ignore_result=True)
def write_title(run_id: str) -> None:
    """Title a session after its first exchange. A failure is only logged (B14)."""
    engine = start_engine(current_pool(), current_pool())
    run = run_shielded(titles.run_to_title, UUID(run_id))
    if run is None:
        return
    try:
        request = titles.build_title_request(run)
        title = learning_from(request, engine.fetch_text, request, titles.TIMEOUT_SECONDS)
        run_shielded(titles.save_title, run.session_id, title)
    except RunError as error:
        logger.info("no title for session %s: %s", run.session_id, error.code)


@shared_task(name="runs.tasks.reap", ignore_result=True)
def reap() -> None:
    """End the runs of lost workers, start the runs that a crash left waiting, and announce queue positions."""
    recovered = reaper.recover()
    attached.stop_unwatched()
    queue_position.announce_positions()
    Report.file("upkeep")
    if any(recovered):
        logger.warning("reaped %d runs, gave up waiting for %d, started %d queues", *recovered)


@shared_task(name="runs.tasks.make_html", ignore_result=True)
def make_html() -> None:
    """Queue answers that have no HTML for rendering, which happens outside this task."""
    backlog.queue_due()


@shared_task(name="runs.tasks.reduce_logs", ignore_result=True)
def reduce_logs() -> None:
    """Compact and prune the streams of runs that ended long enough ago, as many as the time allows."""
    budget = retention.TimeBudget(SLICE_SECONDS)
    compacted, pruned = retention.compact_due(budget), retention.prune_due(budget)
    if compacted or pruned:
        logger.info("compacted %d streams, checked %d for pruning", compacted, pruned)


@shared_task(name="runs.tasks.tidy", ignore_result=True)
def tidy(after: str = str(retention.FIRST_STREAM)) -> None:
    """Delete old workers and orphaned streams. Each call checks some of the streams and schedules the next call."""
    budget = retention.TimeBudget(SLICE_SECONDS)
    retention.delete_workers(budget)
    next_stream = retention.delete_orphans(UUID(after), budget)
    if next_stream is not None:
        tidy.apply_async([str(next_stream)], countdown=SLICE_SECONDS)
