"""Checks that each message is the fold of its stream, each ended run has one final event, and no run is stuck.

Deviations are repaired from the log, which is the truth. Problems that the log cannot solve are only reported.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from chatapp.chats.actions import html_due
from chatapp.chats.models import Message, MessageState
from runs import clock
from runs.lifecycle import reaper, transitions
from runs.lifecycle.segments import earlier_segments
from runs.lifecycle.start import lock_session
from runs.models import Report, Run
from runs.states import FINAL, LogKept, Status
from streams.events import FINAL_KINDS, Event, Folded, Kind, fold
from streams.log import store

BATCH_RUNS = 500  # runs read at once
STUCK_SECONDS = 60.0  # s after which a run counts as stuck: the reaper needs a few

FINAL_KIND = {
    Status.COMPLETED: Kind.COMPLETED,
    Status.STOPPED: Kind.STOPPED,
    Status.FAILED: Kind.FAILED,
    Status.LOST: Kind.LOST,
}
MESSAGE_STATE = {
    Status.COMPLETED: MessageState.COMPLETE,
    Status.STOPPED: MessageState.STOPPED,
    Status.FAILED: MessageState.FAILED,
    Status.LOST: MessageState.LOST,
}


class Finding(NamedTuple):
    run: UUID
    problem: str
    is_repaired: bool = False


def heal(repair: bool = False, since: datetime | None = None) -> Iterator[Finding]:
    """Check all runs requested after `since` (default: all), and stuck runs. Files a report.

    Safe on a running site: a problem is checked again with its session locked before it counts.
    """
    looked_at = problems = repaired = 0
    for finding in _all_findings(repair, since):
        if isinstance(finding, Finding):
            problems, repaired = problems + 1, repaired + finding.is_repaired
            yield finding
        else:
            looked_at += finding
    Report.file("heal", looked_at=looked_at, found=problems, repaired=repaired, open=problems - repaired)


def _all_findings(repair: bool, since: datetime | None) -> Iterator[Finding | int]:
    """Findings, and between them the numbers of runs that were checked."""
    yield from _stuck(repair)
    ended = Run.objects.filter(status__in=FINAL).order_by("id")
    if since is not None:
        ended = ended.filter(queued_at__gte=since)
    last = UUID(int=0)
    while ids := list(ended.filter(pk__gt=last).values_list("id", flat=True)[:BATCH_RUNS]):
        for run_id in ids:
            if _problems_of(run_id):
                yield from _recheck(run_id, repair)
        last = ids[-1]
        yield len(ids)


# -- runs that have ended -------------------------------------------------------------------------


class _Case(NamedTuple):
    """A run with its log: what its message should be."""

    run: Run
    finals: list[str]  # kinds of the final events in its log
    own: Folded
    before: Folded
    is_latest: bool  # no later run has continued the message

    @property
    def expected(self) -> tuple[str, str, list]:
        own, before = self.own, self.before
        return before.text + own.text, before.reasoning + own.reasoning, before.tools + own.tools


def _load_case(run_id: UUID) -> _Case | None:
    run = Run.objects.select_related("message").filter(pk=run_id, status__in=FINAL).first()
    if run is None:
        return None  # deleted meanwhile
    events: list[Event] = list(store.read_all(run_id))
    later = Run.objects.filter(message_id=run.message_id, id__gt=run.id).exists()
    finals = [event.kind for event in events if event.kind in FINAL_KINDS]
    return _Case(run, finals, fold(events), earlier_segments(run), not later)


def _problems_of(run_id: UUID) -> list[str]:
    case = _load_case(run_id)
    return [problem for problem, _ in _problems(case)] if case else []


def _problems(case: _Case) -> Iterator[tuple[str, object]]:
    """Each problem with the function that repairs it; None: it cannot be repaired."""
    run, expected = case.run, FINAL_KIND[Status(case.run.status)]
    if not case.finals:
        yield "its stream has no final event", _seal
    elif case.finals != [expected]:
        yield f"it is {run.status}, but its stream ends with {', '.join(case.finals)}", None
    if not case.is_latest:
        return
    if run.log_kept != LogKept.PRUNED:
        message = run.message
        if (message.content, message.reasoning, message.tools) != case.expected:
            yield "its message differs from its stream", _rewrite
    if run.message.state != MESSAGE_STATE[Status(run.status)]:
        yield f"it is {run.status}, but its message is {run.message.state}", _set_state


def _recheck(run_id: UUID, repair: bool) -> Iterator[Finding]:
    with transaction.atomic():
        session_id = Run.objects.filter(pk=run_id).values_list("session_id", flat=True).first()
        lock_session(session_id)
        case = _load_case(run_id)
        findings = []
        for problem, fix in _problems(case) if case else ():
            is_repaired = repair and fix is not None
            if is_repaired:
                fix(case)
            findings.append(Finding(run_id, problem, is_repaired))
    yield from findings


def _seal(case: _Case) -> None:
    """Append the final event that belongs to the row."""
    run = case.run
    data = {
        Status.COMPLETED: {"finish_reason": run.finish_reason},
        Status.STOPPED: {"reason": run.reason},
        Status.FAILED: {"code": run.code, "message": run.error, "retryable": run.retryable},
        Status.LOST: {"reason": run.reason, "message": transitions.LOST_MESSAGES.get(run.reason, "")},
    }[Status(run.status)]
    [event] = store.append(run.id, (FINAL_KIND[Status(run.status)], data))
    Run.objects.filter(pk=run.id).update(last_seq=event.seq)


def _rewrite(case: _Case) -> None:
    text, reasoning, tools = case.expected
    Message.objects.filter(pk=case.run.message_id).update(
        content=text, reasoning=reasoning, tools=tools, **html_due(text)
    )
    Run.objects.filter(pk=case.run.id).update(
        text_characters=len(case.own.text),
        reasoning_characters=len(case.own.reasoning),
        tool_calls=len(case.own.tools),
    )


def _set_state(case: _Case) -> None:
    state = MESSAGE_STATE[Status(case.run.status)]
    Message.objects.filter(pk=case.run.message_id).update(state=state, **html_due(case.run.message.content))


# -- stuck runs -----------------------------------------------------------------------------------


def _stuck(repair: bool) -> Iterator[Finding]:
    """Runs that the reaper should have ended or started long ago. The repair calls the reaper."""
    long_ago = clock.now() - timedelta(seconds=STUCK_SECONDS)
    dead = Q(worker=None) | Q(worker__lease_until__lt=clock.now() - timedelta(seconds=STUCK_SECONDS))
    running = Run.objects.filter(dead, status=Status.RUNNING, started_at__lt=long_ago)
    problems = [(run_id, "it is running on a worker that is gone") for run_id in running.values_list("id", flat=True)]
    too_old = clock.now() - timedelta(seconds=settings.RUN_QUEUED_SECONDS + STUCK_SECONDS)
    unclaimed = Run.objects.dispatched().filter(dispatched_at__lt=too_old)
    problems += [(run_id, "no worker took it in time") for run_id in unclaimed.values_list("id", flat=True)]
    problems += [(run_id, "it waits although nothing of its session is under way") for run_id in _stalled(long_ago)]
    if repair and problems:
        reaper.recover()
    still = set(Run.objects.active().filter(pk__in=[run_id for run_id, _ in problems]).values_list("id", flat=True))
    moved = set(Run.objects.filter(pk__in=still, dispatched_at__gte=long_ago).values_list("id", flat=True))
    for run_id, problem in problems:
        yield Finding(run_id, problem, repair and (run_id not in still or run_id in moved))


def _stalled(long_ago: datetime) -> list[UUID]:
    under_way = Run.objects.filter(session=OuterRef("session")).under_way()
    waiting = Run.objects.released().filter(queued_at__lt=long_ago)
    return list(waiting.exclude(Exists(under_way)).order_by("id").values_list("id", flat=True))
