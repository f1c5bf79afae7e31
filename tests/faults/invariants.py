"""The invariants after an episode, checked from the outside: rows, upstream connections, events received."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from chatapp.chats.models import Message, Role, Session
from runs.models import Run
from runs.states import Status, StopReason
from streams.events import FINAL_KINDS, Event, Kind, fold
from streams.models import LoggedEvent
from tests.faults.claims import (
    ALONE,
    ASKED,
    CLOSED,
    FOLDED,
    GONE,
    IN_ORDER,
    KEPT,
    LOGGED,
    ONCE,
    QUEUED,
    SEALED,
    TRUE_TEXT,
)
from tests.faults.traffic import Crowd, Sent
from tests.harness.check import FINAL_KIND, MESSAGE_STATE
from tests.harness.followers import Follower
from tests.harness.upstream import spoken


class Span(NamedTuple):
    """A run that has started, with the times of its log."""

    run: Run
    queued: datetime
    started: datetime
    ended: datetime

    def __str__(self):
        times = f"queued {self.queued:%M:%S.%f}, started {self.started:%M:%S.%f}, ended {self.ended:%M:%S.%f}"
        return f"{self.run.pk} ({self.run.status} {self.run.reason}{self.run.code}, {times})"


class Verdict:
    """Counts the checks of each invariant, and keeps the violations."""

    def __init__(self):
        self.checks: Counter[str] = Counter()
        self.violations: list[tuple[str, str]] = []

    def check(self, invariant: str, holds: object, what: str) -> None:
        self.checks[invariant] += 1
        if not holds:
            self.violations.append((invariant, what))


class Inquest:
    """Checks everything that an episode has left behind."""

    def __init__(self, crowd: Crowd, verdict: Verdict):
        self.crowd, self.verdict = crowd, verdict
        self.runs = list(
            Run.objects.filter(session__in=crowd.sessions).select_related("message__parent").order_by("id")
        )
        self.logs: dict[str, list[LoggedEvent]] = defaultdict(list)
        streams = [run.pk for run in self.runs]
        for row in LoggedEvent.objects.filter(stream__in=streams).order_by("stream", "seq"):
            self.logs[str(row.stream)].append(row)
        self.replaced = {sent.session for sent in crowd.sent if sent.plan.when_busy == "replace"}
        self.sent_of = {sent.text: sent for sent in crowd.sent}

    def hold(self) -> None:
        for run in self.runs:
            self._check_run(run, self.logs[str(run.pk)])
            self._check_upstream(run)
        for session in self.crowd.sessions:
            self._check_session([run for run in self.runs if str(run.session_id) == session])
        for sent in self.crowd.sent:
            self._check_accepted(sent)
            for reader in sent.readers:
                for leg in reader.legs:
                    self._check_leg(leg)
        self._check_deleted()

    def _check_run(self, run: Run, rows: list[LoggedEvent]) -> None:
        check, name = self.verdict.check, f"run {run.pk} ({run.status}, {run.reason}{run.code})"
        if not run.is_final:
            return  # told by `ENDS`
        finals = [row.kind for row in rows if row.kind in FINAL_KINDS]
        is_whole = [row.seq for row in rows] == list(range(1, len(rows) + 1))
        is_sealed = finals == [FINAL_KIND[run.status]] and rows[-1].kind == finals[0]
        check(SEALED, is_whole and is_sealed, f"{name}: {[(row.seq, row.kind) for row in rows][-6:]}")
        folded = fold(Event(row.stream, row.seq, row.kind, row.data.encode()) for row in rows)
        message = run.message
        is_same = (folded.text, folded.reasoning) == (message.content, message.reasoning)
        is_same = is_same and run.last_seq == len(rows) and message.state == MESSAGE_STATE[run.status]
        check(FOLDED, is_same, f"{name}: {message.state} {message.content!r} is not {folded.text!r}")
        whole = spoken(self.sent_of[message.parent.content].plan.script["tokens"])
        is_true = whole == folded.text if run.status == Status.COMPLETED else whole.startswith(folded.text)
        check(TRUE_TEXT, is_true, f"{name}: {folded.text!r} of {whole!r}")
        if run.status == Status.STOPPED:
            by_user = run.reason == StopReason.USER and str(run.pk) in self.crowd.stops_asked
            by_next = run.reason == StopReason.REPLACED and str(run.session_id) in self.replaced
            by_leaving = run.reason == StopReason.VIEWER_LEFT and run.viewer_until is not None
            check(ASKED, run.stop_requested_at and (by_user or by_next or by_leaving), name)

    def _check_upstream(self, run: Run) -> None:
        tag = self.sent_of[run.message.parent.content].tag
        seen = self.crowd.town.upstream.connections(tag)
        self.verdict.check(
            ONCE, len(seen) <= run.attempt, f"run {run.pk}: {len(seen)} requests, {run.attempt} attempts"
        )
        still_open = [connection for connection in seen if not connection["ended"]]
        self.verdict.check(CLOSED, not still_open, f"run {run.pk} ({run.status} {run.reason}): {len(still_open)} open")

    def _check_session(self, runs: list[Run]) -> None:
        spans = sorted(
            (Span(run, times[Kind.QUEUED], times[Kind.STARTED], times["end"]) for run, times in self._started(runs)),
            key=lambda span: span.started,
        )
        for first, second in pairwise(spans):
            what = f"{second.run.pk} began {first.ended - second.started} before {first.run.pk} ended"
            self.verdict.check(ALONE, first.ended <= second.started, what)
        for number, second in enumerate(spans):
            for first in spans[:number]:
                if first.run.position == second.run.position:
                    is_kept = first.queued <= second.queued or self._was_held(first, spans)
                    self.verdict.check(QUEUED, is_kept, f"{first} overtook {second}")

    def _started(self, runs: list[Run]) -> Iterator[tuple[Run, dict]]:
        for run in runs:
            times = self._times(run)
            if run.is_final and Kind.STARTED in times:
                yield run, times

    def _was_held(self, span: "Span", spans: list["Span"]) -> bool:
        """Whether the queue was held when this message was sent: then it is answered before those that are held."""
        released = self.crowd.releases[str(span.run.session_id)]
        return any(
            other.ended <= span.queued
            and not any(other.ended <= at <= span.queued for at in released)
            and self._somebody_waited(other)
            for other in spans
            if other.run.status != Status.COMPLETED
        )

    def _somebody_waited(self, span: "Span") -> bool:
        """Whether the queue was not empty when this run ended: an empty one is not held."""
        for run in self.runs:
            if run.session_id == span.run.session_id and run != span.run:
                times = self._times(run)
                left = times.get(Kind.STARTED) or times.get("end")  # the queue
                if times[Kind.QUEUED] <= span.ended and (left is None or span.ended < left):
                    return True
        return False

    def _times(self, run: Run) -> dict:
        rows = self.logs[str(run.pk)]
        return {"end" if row.kind in FINAL_KINDS else row.kind: row.at for row in rows}

    def _check_accepted(self, sent: Sent) -> None:
        run = next((run for run in self.runs if str(run.pk) == sent.run_id), None)
        if sent.run_id is not None:
            self.verdict.check(KEPT, run, f"run {sent.run_id} was promised ({sent.status}) and is not there")
        if run is None:
            return
        for reply in sent.stop_replies:
            promised = {"stopped": "stopped", "already_final": reply.get("status")}.get(reply["state"], run.status)
            self.verdict.check(KEPT, run.status == promised, f"run {run.pk} is {run.status}, a Stop said {reply}")

    def check_questions(self) -> None:
        """Every message of a user has an answer, of any state (B4), and was accepted once (B21)."""
        questions = list(Message.objects.filter(session__in=self.crowd.sessions, role=Role.USER))
        for question in questions:
            self.verdict.check(KEPT, question.children.count() == 1, f"message {question.pk} has no answer")
        for text, count in Counter(question.content for question in questions).items():
            self.verdict.check(KEPT, count == 1, f"{text!r} was taken {count} times")

    def _check_deleted(self) -> None:
        """Nothing of a deleted session comes back, continues upstream, or is sent after its end (B40)."""
        check, session = self.verdict.check, self.crowd.deleted
        for model, key in ((Session, "pk"), (Message, "session"), (Run, "session")):
            check(GONE, not model.objects.filter(**{key: session}).exists(), f"{model.__name__} of {session} is there")
        for sent in self.crowd.doomed:
            open_ = [seen for seen in self.crowd.town.upstream.connections(sent.tag) if not seen["ended"]]
            check(GONE, not open_, f"{sent.tag} of deleted {session}: {len(open_)} open")
            for leg in (leg for reader in sent.readers for leg in reader.legs):
                seqs, finals = _heard(leg)
                told = seqs[:-1] if finals else seqs  # of a deleted stream the end is left, and nothing before it
                check(GONE, told == list(range(leg.after + 1, leg.after + 1 + len(told))), f"{leg.stream}: {seqs}")
                check(GONE, not finals or finals == [len(seqs) - 1], f"{leg.stream}: {finals} of {len(seqs)}")

    def _check_leg(self, leg: Follower) -> None:
        rows, events = self.logs[leg.stream], leg.events
        said = {row.seq: (row.kind, json.loads(row.data)) for row in rows}
        for event in events:
            is_logged = said.get(event.seq) == (event.kind, event.data) and event.stream == leg.stream
            self.verdict.check(LOGGED, is_logged, f"{event} is {said.get(event.seq)} in the log")
        seqs, ended_at = _heard(leg)
        is_gapless = seqs == list(range(leg.after + 1, leg.after + 1 + len(seqs)))
        ends_well = not ended_at or ended_at == [len(events) - 1]
        words = [word for word in leg.envelopes if not word.seq and word.kind in ("resync", "refused")]
        is_known = leg.status not in (401, 403, 404)
        self.verdict.check(
            IN_ORDER,
            is_gapless and ends_well and not words and is_known,
            f"after {leg.after} of {leg.stream}: {leg.status} {seqs} {words}",
        )


def _heard(leg: Follower) -> tuple[list[int], list[int]]:
    """The seqs of the events in order of arrival, and the indexes of final ones."""
    events = leg.events
    return [event.seq for event in events], [n for n, event in enumerate(events) if event.kind in FINAL_KINDS]
