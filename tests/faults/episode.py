"""One episode: some seconds of traffic and faults, then quiet, then the checks."""

import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from runs.models import Run
from runs.states import ACTIVE
from tests.faults.claims import BACK, ENDS, TOLD
from tests.faults.injecting import Injector
from tests.faults.invariants import Inquest, Verdict
from tests.faults.parts import DRAIN, LEASE, REDISPATCH, VIEWER, Town
from tests.faults.plan import TRAFFIC_SECONDS, Plan
from tests.faults.traffic import Crowd
from tests.harness.facts import wait_until

REAP_SECONDS = 3.0  # s between beat's reapers
SLACK_SECONDS = 15.0  # s for a busy machine with two cores
RETRIES_SECONDS = 4.0  # s an upstream that refuses is asked again, or one that is silent waits for its Stop
TOLD_SECONDS = 10.0  # s after the last end in which everybody has to hear of it


@dataclass
class Outcome:
    """The actions and results of one episode."""

    seed: int
    faults: Counter = field(default_factory=Counter)
    troubles: Counter = field(default_factory=Counter)
    ends: Counter = field(default_factory=Counter)
    replies: Counter = field(default_factory=Counter)
    legs: int = 0
    events_seen: int = 0
    slowest_end: float = 0.0  # s from quiet to the last final state
    verdict: Verdict = field(default_factory=Verdict)


def run_episode(town: Town, plan: Plan) -> Outcome:
    outcome = Outcome(plan.seed)
    crowd = Crowd(town, plan)
    injector = Injector(town, plan.seed, crowd.task_ids)
    threading.excepthook = lambda broken: injector.troubles.append(f"the campaign itself: {broken.exc_value!r}")
    clock, began = threading.Event(), time.monotonic()
    crowd.begin()
    for fault in plan.faults:
        clock.wait(max(0, began + fault.at - time.monotonic()))
        injector.inject(fault)
    clock.wait(max(0, began + TRAFFIC_SECONDS - time.monotonic()))
    injector.end()
    crowd.wait_for_replies()
    crowd.lose_patience()
    try:
        _wait_for_ends(crowd, outcome)
        _wait_for_readers(crowd, outcome)
    finally:
        crowd.end()
    for trouble in injector.troubles:
        outcome.verdict.check(BACK, False, trouble)
    outcome.verdict.checks[BACK] += len(town.parts)
    _hold_inquest(crowd, outcome)
    outcome.faults, outcome.legs = injector.done, sum(len(reader.legs) for reader in crowd.readers)
    return outcome


def _wait_for_ends(crowd: Crowd, outcome: Outcome) -> None:
    bound, quiet_since = _bound(crowd), time.monotonic()
    runs = Run.objects.filter(session__in=crowd.sessions)
    try:
        wait_until(lambda: not runs.filter(status__in=ACTIVE).exists(), "all runs end", bound)
    except AssertionError:
        pass
    outcome.slowest_end = time.monotonic() - quiet_since
    for run in runs:
        what = f"run {run.pk} is still {run.status} {bound:.0f} s after quiet (task {run.task_id}, worker {run.worker})"
        outcome.verdict.check(ENDS, run.is_final, what)


def _bound(crowd: Crowd) -> float:
    """The longest time that a session may need for its remaining answers, one after the other."""
    needs: dict[str, float] = defaultdict(float)
    for run in Run.objects.filter(session__in=crowd.sessions, status__in=ACTIVE).select_related("message__parent"):
        sent = next(sent for sent in crowd.sent if sent.text == run.message.parent.content)
        script = sent.plan.script
        needs[sent.session] += script["tokens"] / (script["rate"] or 1000) + 1
        needs[sent.session] += RETRIES_SECONDS if "status" in script or "stall_after" in script else 0
    return max(needs.values(), default=0) + LEASE + REAP_SECONDS + REDISPATCH + DRAIN + VIEWER + SLACK_SECONDS


def _wait_for_readers(crowd: Crowd, outcome: Outcome) -> None:
    try:
        wait_until(lambda: all(reader.is_told for reader in crowd.readers), "all readers are told", TOLD_SECONDS)
    except AssertionError:
        pass
    for reader in crowd.readers:
        what = f"a reader of {reader.run_id} waits at {reader.position} in vain, leg {len(reader.legs)}"
        outcome.verdict.check(TOLD, reader.is_told, what)


def _hold_inquest(crowd: Crowd, outcome: Outcome) -> None:
    upstream = crowd.town.upstream

    def all_closed() -> bool:
        everything = (*crowd.sent, *crowd.doomed)
        return all(seen["ended"] for sent in everything for seen in upstream.connections(sent.tag))

    try:
        wait_until(all_closed, "the upstream's connections close", TOLD_SECONDS)
    except AssertionError:
        pass
    inquest = Inquest(crowd, outcome.verdict)
    inquest.hold()
    inquest.check_questions()
    outcome.ends = Counter(f"{run.status} {run.reason}{run.code}".strip() for run in inquest.runs)
    outcome.troubles = Counter(
        sent.plan.trouble for sent in crowd.sent if sent.plan.trouble != "none" and upstream.connections(sent.tag)
    )
    outcome.replies = Counter(str(sent.status or "none") for sent in crowd.sent)
    outcome.events_seen = sum(len(leg.events) for reader in crowd.readers for leg in reader.legs)
