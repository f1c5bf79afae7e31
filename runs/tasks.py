"""Celery's tasks: `generate` supervises one run, `reap` is upkeep."""

import logging
import time
import traceback
from collections.abc import Callable
from uuid import UUID

from celery import shared_task
from django.db import InterfaceError, OperationalError, connection

from runs import lifecycle, prompts, strays, titles
from runs.engine import Fenced, StopAsked, pool_name, start_engine
from runs.errors import InternalError, RunError
from runs.leaving import is_leaving
from runs.models import Run

logger = logging.getLogger(__name__)

DATABASE_RETRY_SECONDS = 1.0  # s between tries to write a run's end while the database is away


@shared_task(bind=True, name="runs.tasks.generate", ignore_result=True)
def generate(self, run_id: str) -> None:
    """Carry one run from QUEUED to its end. An interruption goes through: the signal handlers save."""
    if is_leaving():
        strays.give_back(UUID(run_id), UUID(self.request.id))
        return
    engine = start_engine(self.request.hostname or "", pool_name())
    claimed = lifecycle.claim(UUID(run_id), UUID(self.request.id), engine.worker)
    if claimed is None:
        return
    run, after = claimed
    key = run.model.provider.key if run.model else None
    try:
        request = prompts.build(run)
        connection.close()  # gives it back to the pool: a waiting task holds none
        finish_reason = engine.carry(run.id, after, request)
    except Fenced:
        logger.warning("run %s was ended by somebody else; nothing more of it was written", run_id)
    except StopAsked:
        persist(lifecycle.stop, run.id)
    except RunError as error:
        persist(lifecycle.fail, run.id, error, redact(trace_of(error), key))
    except Exception as error:
        logger.exception("run %s failed", run_id)
        persist(lifecycle.fail, run.id, InternalError(repr(error)), redact(trace_of(error), key))
    else:
        persist(lifecycle.complete, run.id, finish_reason)


def persist(move: Callable, run_id: UUID, *args: object) -> None:
    """Make a final move, however long the database is away: the lease holds the run as long as this process lives."""
    while True:
        try:
            move(run_id, *args)
            return
        except (OperationalError, InterfaceError):
            logger.exception("the end of run %s could not be saved, trying again", run_id)
            connection.close()
            time.sleep(DATABASE_RETRY_SECONDS)


def trace_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def redact(text: str, secret: str | None) -> str:
    """`text` without the provider's key, should a library have put it into an error."""
    return text.replace(secret, "[key]") if secret else text


@shared_task(name="runs.tasks.write_title", ignore_result=True)
def write_title(run_id: str) -> None:
    """Name a session after its first exchange. A title that can't be had is nobody's trouble (B14)."""
    engine = start_engine(pool_name(), pool_name())
    run = Run.objects.select_related("model__provider", "session", "message").filter(pk=run_id).first()
    if run is None or run.session.title:
        return
    try:
        request = titles.request(run)
        connection.close()
        titles.keep(run.session_id, engine.ask(request, titles.MAX_SECONDS))
    except RunError as error:
        logger.info("no title for session %s: %s", run.session_id, error.code)


@shared_task(name="runs.tasks.reap", ignore_result=True)
def reap() -> None:
    """End the runs of workers that are gone; start what a crash left waiting."""
    lost, failed, started = lifecycle.reap(), lifecycle.fail_unclaimed(), lifecycle.sweep() + strays.start_again()
    lifecycle.stop_unwatched()
    if lost or failed or started:
        logger.warning("reaped %d runs, gave up waiting for %d, started %d queues", lost, failed, started)
