"""Celery's tasks: `generate` supervises one run, `reap`, `make_html`, `reduce_logs` and `tidy` are upkeep."""

import logging
import traceback
from uuid import UUID

from celery import shared_task
from structlog.contextvars import bind_contextvars

from runs.errors import InternalError, RunError
from runs.lifecycle import attached, reaper, redispatch, transitions
from runs.maintenance import retention
from runs.models import Report, Run
from runs.queries import queue_position
from runs.rendering import backlog
from runs.traces import redact
from runs.upstream import titles
from runs.upstream.request import build_request
from runs.worker import tracing
from runs.worker.engine import Fenced, StopAsked, pool_name, start_engine
from runs.worker.shielding import persist, shielded
from runs.worker.watchdog import is_leaving

logger = logging.getLogger(__name__)

SLICE_SECONDS = 2.0  # of upkeep that can wait; a prefork worker has one slot for it, and the reaper needs that, too


@shared_task(bind=True, name="runs.tasks.generate", ignore_result=True)
def generate(self, run_id: str) -> None:
    """Carry one run from QUEUED to its end. An interruption goes through: the signal handlers save."""
    if is_leaving():
        shielded(redispatch.give_back, UUID(run_id), UUID(self.request.id))
        return
    engine = start_engine(self.request.hostname or "", pool_name())
    claimed = shielded(transitions.claim, UUID(run_id), UUID(self.request.id), engine.worker)
    if claimed is None:
        return
    run, after = claimed
    bind_contextvars(run_id=run_id)
    logger.info("run %s started", run_id)
    key = secret_of(run)
    identity = run.id
    try:
        request = shielded(build_request, run)
        del claimed, run  # this task waits for as long as the answer takes; its rows need not
        with tracing.upstream(identity, request):
            finish_reason = engine.carry(identity, after, request)
    except Fenced:
        logger.warning("run %s was ended by somebody else; nothing more of it was written", run_id)
    except StopAsked:
        persist(transitions.stop, identity)
    except RunError as error:
        persist(transitions.fail, identity, error, redact(trace_of(error), key))
    except Exception as error:
        logger.exception("run %s failed", run_id)
        persist(transitions.fail, identity, InternalError(repr(error)), redact(trace_of(error), key))
    else:
        persist(transitions.complete, identity, finish_reason)


def trace_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def secret_of(run: Run) -> str | None:
    """What must be in no trace of `run`: the provider's key, where it has one that may be read."""
    provider = run.model.provider if run.model else None
    return provider.key if provider is not None and not provider.key_fault else None


@shared_task(name="runs.tasks.write_title", ignore_result=True)
def write_title(run_id: str) -> None:
    """Name a session after its first exchange. A title that can't be had is nobody's trouble (B14)."""
    engine = start_engine(pool_name(), pool_name())
    run = shielded(titles.run_to_title, UUID(run_id))
    if run is None:
        return
    try:
        title = engine.ask(titles.build_title_request(run), titles.TIMEOUT_SECONDS)
        shielded(titles.save_title, run.session_id, title)
    except RunError as error:
        logger.info("no title for session %s: %s", run.session_id, error.code)


@shared_task(name="runs.tasks.reap", ignore_result=True)
def reap() -> None:
    """End the runs of workers that are gone; start what a crash left waiting; tell the rest how many are ahead."""
    recovered = reaper.recover()
    attached.stop_unwatched()
    queue_position.tell_places()
    Report.file("upkeep")
    if any(recovered):
        logger.warning("reaped %d runs, gave up waiting for %d, started %d queues", *recovered)


@shared_task(name="runs.tasks.make_html", ignore_result=True)
def make_html() -> None:
    """Begin with the HTML of answers that have none; it is made beside this task, which waits for nothing."""
    backlog.make_due()


@shared_task(name="runs.tasks.reduce_logs", ignore_result=True)
def reduce_logs() -> None:
    """Compact and prune the streams of runs that ended long enough ago; what is left waits for the next call."""
    time_slice = retention.Slice(SLICE_SECONDS)
    compacted, pruned = retention.compact_due(time_slice), retention.prune_due(time_slice)
    if compacted or pruned:
        logger.info("compacted %d streams, looked at %d to prune", compacted, pruned)


@shared_task(name="runs.tasks.tidy", ignore_result=True)
def tidy(after: str = str(retention.NOWHERE)) -> None:
    """Delete what nobody owns any more. A walk through all streams: each call goes a bit of the way."""
    time_slice = retention.Slice(SLICE_SECONDS)
    retention.forget_workers(time_slice)
    place = retention.forget_orphans(UUID(after), time_slice)
    if place is not None:
        tidy.apply_async([str(place)], countdown=SLICE_SECONDS)
