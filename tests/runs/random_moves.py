"""Lifecycle, queue and log in any order that Hypothesis can think of, in one process, with a broker that forgets.

The broker is a list, the workers are rows, and commits are taken apart: what was to happen after one may never happen,
as when the process dies. After every step the invariants hold; in the end nothing is stuck.
"""

from collections import defaultdict
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import orjson
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from chatapp.chats.models import Message, Role, Session
from runs import actions
from runs.errors import NotQueued, SessionBusy, UpstreamFailed
from runs.lifecycle import dispatch, queue, reaper, redispatch, transitions
from runs.lifecycle.stop import record_stop_request, request_stop
from runs.models import Model, Provider, Run, Worker
from runs.states import ACTIVE, Status, StopReason, WhenBusy
from streams.events import Event, Kind, fold
from streams.models import LoggedEvent
from tests.harness.check import FINAL_KIND, MESSAGE_STATE

SESSIONS, WORKERS = 2, 2
ROUNDS = 60  # of a quiet world in which everything has to come to its end
HOUR_SECONDS = 3600  # no lease runs out by itself, on the slowest machine
ENDS = ["complete", "fail", "interrupt"]
anything = st.integers(0, 1000)


def is_in_queue(run: Run) -> bool:
    return run.status == Status.QUEUED and not run.task_id


def is_under_way(run: Run) -> bool:
    return run.status == Status.RUNNING or (run.status == Status.QUEUED and bool(run.task_id))


class Broker:
    """Takes tasks and keeps them in order, unless it is down or forgets. It is told of nothing before the commit."""

    def __init__(self):
        self.tasks: list[tuple[UUID, UUID]] = []
        self.late: list[tuple[UUID, UUID]] = []  # forgotten, but may turn up after all
        self.is_up = True
        self.is_committed = False  # whether what follows a commit is happening

    def announce(self, events: list[Event]) -> None:
        assert self.is_committed

    def start(self, run_id: UUID, task_id: UUID) -> None:
        assert self.is_committed
        if not self.is_up:
            raise dispatch.BrokerDown("down")
        self.tasks.append((run_id, task_id))

    def backlog(self) -> int:
        if not self.is_up:
            raise dispatch.BrokerDown("down")
        return len(self.tasks)


class Pen:
    """A task's place in a stream, as the batch writer keeps it: it says which seq comes next."""

    def __init__(self, run_id: UUID, seq: int):
        self.run_id, self.seq = run_id, seq

    def write(self, words: list[str]) -> bool:
        """Whether it was ours to write."""
        rows = [
            LoggedEvent(
                stream=self.run_id,
                seq=self.seq + number,
                kind=Kind.TEXT,
                data=orjson.dumps({"text": word}).decode(),
                at=timezone.now(),
            )
            for number, word in enumerate(words, start=1)
        ]
        try:
            with transaction.atomic():
                LoggedEvent.objects.bulk_create(rows)
        except IntegrityError:
            return False
        self.seq += len(rows)
        return True


class World(RuleBasedStateMachine):
    broker: Broker

    @initialize(runs=st.integers(0, 4))
    def begin(self, runs):
        """The first session has so many runs already: one that is being written, the others in the queue."""
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.broker.__init__()
        self.alice = get_user_model().objects.create_user(f"alice-{uuid4().hex[:8]}")
        provider = Provider.objects.create(name="local", base_url="http://127.0.0.1:1/v1")
        Model.objects.create(name="m", label="M", provider=provider, upstream_id="m", is_default=True)
        self.sessions = [Session.objects.create(owner=self.alice) for _ in range(SESSIONS)]
        until = timezone.now() + timedelta(seconds=HOUR_SECONDS)
        self.workers = [
            Worker.objects.create(name=f"w{n}", pid=n, pool="gevent", lease_until=until) for n in range(WORKERS)
        ]
        self.pens: list[Pen] = []
        self.asked: set[UUID] = set()
        self.requests: dict[UUID, tuple] = {}  # the first request to stop each run
        self.ends: dict[UUID, tuple] = {}
        self.before: dict[UUID, Run] = {}  # all runs as they were before the present step
        self.held_before: set[UUID] = set()  # sessions
        self.sent_now: UUID | None = None  # in the present step
        for _ in range(runs):
            self.send(0, WhenBusy.ENQUEUE, dies=False)
        if runs:
            self.claim(0, 0, again=False, dies=False)

    @contextmanager
    def committing(self, dies: bool = False):
        """A commit: what was left for it happens now, or never."""
        first = len(connection.run_on_commit)
        yield
        self.broker.is_committed = True
        while len(connection.run_on_commit) > first:
            _, callback, _ = connection.run_on_commit.pop(first)
            if not dies:
                callback()
        self.broker.is_committed = False

    @property
    def runs(self):
        return Run.objects.filter(session__in=self.sessions)

    def pick(self, number: int) -> Run | None:
        runs = list(self.runs.order_by("id"))
        return runs[number % len(runs)] if runs else None

    # -- people ----------------------------------------------------------------------------------

    @rule(session=st.integers(0, SESSIONS - 1), when_busy=st.sampled_from(WhenBusy), dies=st.booleans())
    def send(self, session, when_busy, dies):
        with self.committing(dies):
            try:
                run = actions.send(self.sessions[session], "Speak.", user=self.alice, when_busy=when_busy)
            except SessionBusy:
                assert when_busy == WhenBusy.REJECT
                return
        assert run.message.parent.role == Role.USER

    @rule(number=anything, dies=st.booleans())
    def stop(self, number, dies):
        if run := self.pick(number):
            self.asked.add(run.id)
            if dies:  # between the request and the move
                record_stop_request(run, self.alice, StopReason.USER)
                return
            was_final = run.is_final
            with self.committing():
                said = request_stop(run, self.alice)
            run.refresh_from_db()
            assert (said == "already_final") == was_final
            assert said != "stopped" or run.status == Status.STOPPED

    @rule(session=st.integers(0, SESSIONS - 1))
    def release(self, session):
        with self.committing():
            queue.release(self.sessions[session])

    @rule(number=anything, dies=st.booleans())
    def send_now(self, number, dies):
        if run := self.pick(number):
            with self.committing(dies):
                try:
                    queue.send_now(run, by=self.alice)
                except NotQueued:
                    return
            self.sent_now = run.id

    # -- the broker ------------------------------------------------------------------------------

    @rule(is_up=st.booleans())
    def turn_broker(self, is_up):
        self.broker.is_up = is_up

    @rule()
    def forget_tasks(self):
        self.broker.late += self.broker.tasks
        self.broker.tasks.clear()

    # -- workers ---------------------------------------------------------------------------------

    @precondition(lambda self: self.broker.tasks)
    @rule(number=anything, worker=st.integers(0, WORKERS - 1), again=st.booleans(), dies=st.booleans())
    def claim(self, number, worker, again, dies):
        """A task is delivered, in any order, perhaps twice, perhaps to a worker that dies at once."""
        run_id, task_id = self.broker.tasks.pop(number % len(self.broker.tasks))
        self.broker.late += [(run_id, task_id)] if again else []
        self.deliver(run_id, task_id, self.workers[worker], dies)

    @precondition(lambda self: self.broker.late)
    @rule(number=anything, worker=st.integers(0, WORKERS - 1))
    def claim_late(self, number, worker):
        """A task turns up that was forgotten, delivered before, or given back."""
        self.deliver(*self.broker.late[number % len(self.broker.late)], self.workers[worker])

    @precondition(lambda self: self.broker.tasks)
    @rule(number=anything)
    def give_back(self, number):
        """A worker that shuts down gives back what it was delivered; the broker may deliver it again."""
        task = self.broker.tasks.pop(number % len(self.broker.tasks))
        self.broker.late.append(task)
        redispatch.give_back(*task)

    def deliver(self, run_id, task_id, worker, dies=False):
        mine = Run.objects.filter(pk=run_id, task_id=task_id, status=Status.QUEUED, stop_requested_at=None).exists()
        with self.committing():
            claimed = transitions.claim(run_id, task_id, worker)
        assert bool(claimed) == mine
        if claimed and not dies:
            self.pens.append(Pen(claimed[0].id, claimed[1]))

    @precondition(lambda self: self.pens)
    @rule(number=anything, words=st.lists(st.sampled_from(["a", "b ", "ü", ""]), min_size=1, max_size=4))
    def write(self, number, words):
        pen = self.pens[number % len(self.pens)]
        if not pen.write(words):
            assert Run.objects.get(pk=pen.run_id).is_final
            self.pens.remove(pen)

    @precondition(lambda self: self.pens)
    @rule(number=anything, how=st.sampled_from(ENDS), dies=st.booleans())
    def end(self, number, how, dies):
        """The task decides, or is interrupted by a Stop; after a fence, an interruption or a completion it is over."""
        run_id = self.pens.pop(number % len(self.pens)).run_id
        is_stopped = Run.objects.filter(pk=run_id, stop_requested_at__isnull=False).exists()
        self.try_to_end(run_id, "interrupt" if is_stopped and how == "fail" else how, dies)

    @precondition(lambda self: self.before)
    @rule(number=anything, how=st.sampled_from(ENDS))
    def end_any(self, number, how):
        """A task that is late, or was never given this run, decides too."""
        self.try_to_end(self.pick(number).id, how)

    def try_to_end(self, run_id, how, dies=False):
        leaves = [Status.RUNNING] if how == "complete" else ACTIVE
        was_open = Run.objects.filter(pk=run_id, status__in=leaves).exists()
        moves = {
            "complete": lambda: transitions.complete(run_id, "stop"),
            "fail": lambda: transitions.fail(run_id, UpstreamFailed("detail")),
            "interrupt": lambda: transitions.interrupt(run_id),
        }
        with self.committing(dies):
            assert moves[how]() == was_open

    @rule(worker=st.integers(0, WORKERS - 1), seconds=st.sampled_from([-1, HOUR_SECONDS]))
    def lease(self, worker, seconds):
        until = timezone.now() + timedelta(seconds=seconds)
        Worker.objects.filter(pk=self.workers[worker].pk).update(lease_until=until)

    # -- upkeep ----------------------------------------------------------------------------------

    @rule(dies=st.booleans())
    def reap(self, dies):
        expired = Run.objects.filter(status=Status.RUNNING, worker__lease_until__lt=timezone.now())
        run_ids = set(expired.values_list("id", flat=True))
        with self.committing(dies):
            assert reaper.reap() == len(run_ids)
        assert not expired.exists()
        assert not Run.objects.filter(pk__in=run_ids).active().exists()

    @rule()
    def sweep(self):
        with self.committing():
            reaper.start_stalled_queues()
            assert reaper.fail_unclaimed() == 0  # none has waited for an hour

    @rule()
    def start_strays(self):
        with self.committing():
            redispatch.redispatch()

    # -- what holds ------------------------------------------------------------------------------

    @invariant()
    def everything_holds(self):
        """All invariants, with few queries: they are most of what a step costs."""
        runs = {run.id: run for run in self.runs.select_related("message")}
        logs = defaultdict(list)
        for row in LoggedEvent.objects.filter(stream__in=runs).order_by("stream", "seq"):
            logs[row.stream].append(Event(row.stream, row.seq, row.kind, row.data.encode()))
        sessions = list(self.alice.chat_sessions.all())
        held = {session.id for session in sessions if session.is_queue_held}
        sent_now = {self.sent_now, *(session.sent_now for session in sessions)}
        for run in runs.values():
            self.the_stream_is_whole_and_sealed_once(run, logs[run.id])
            self.an_end_is_for_ever_and_the_message_is_the_log(run, logs[run.id])
            self.the_first_request_to_stop_stays(run)
            self.a_held_queue_waits(run, held, sent_now)
        for session in self.sessions:
            mine = [run for run in runs.values() if run.session_id == session.id]
            assert sum(is_under_way(run) for run in mine) <= 1
            self.the_queue_is_held_after_what_went_wrong(session, mine, held)
        questions = Message.objects.filter(session__in=self.sessions, role=Role.USER)
        assert not questions.exclude(children__role=Role.ASSISTANT).exists()
        self.before, self.held_before, self.sent_now = runs, held, None

    def the_stream_is_whole_and_sealed_once(self, run, events):
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        finals = [event.kind for event in events if event.is_final]
        assert finals == ([FINAL_KIND[run.status]] if run.is_final else [])
        assert not finals or events[-1].is_final

    def an_end_is_for_ever_and_the_message_is_the_log(self, run, events):
        if run.is_final:
            end = (run.status, run.reason, run.code, run.finished_at, run.last_seq)
            assert self.ends.setdefault(run.id, end) == end
            assert run.message.content == fold(events).text
            assert run.message.state == MESSAGE_STATE[run.status]
        if run.status == Status.COMPLETED:
            assert run.started_at

    def the_first_request_to_stop_stays(self, run):
        if run.stop_requested_at:
            request = (run.stop_requested_at, run.stop_requested_by_id, run.stop_reason)
            assert self.requests.setdefault(run.id, request) == request
            assert run.id in self.asked or run.stop_reason == StopReason.REPLACED
        assert run.stop_requested_at or run.status != Status.STOPPED

    def a_held_queue_waits(self, run, held, sent_now):
        before = self.before.get(run.id)
        if before and run.session_id in held and is_in_queue(before) and run.id not in sent_now:
            assert not is_under_way(run)

    def the_queue_is_held_after_what_went_wrong(self, session, runs, held):
        before = {run.id: self.before.get(run.id) for run in runs}
        went_wrong = any(
            run.status in (Status.FAILED, Status.STOPPED, Status.LOST) and run.reason != StopReason.REPLACED
            for run in runs
            if before[run.id] and before[run.id].status == Status.RUNNING
        )
        if session.id in held - self.held_before:
            assert went_wrong
        if went_wrong and any(is_in_queue(run) and before[run.id] and is_in_queue(before[run.id]) for run in runs):
            assert session.id in held

    def teardown(self):
        """All is quiet and up: everything comes to its end by itself, once queues are released."""
        try:
            self.broker.is_up = True
            Worker.objects.update(lease_until=timezone.now() - timedelta(seconds=1))  # whoever carried something died
            for _ in range(ROUNDS):
                if not self.runs.active().exists():
                    break
                self.reap(dies=False)
                Worker.objects.update(lease_until=reaper.lease_end())
                for session in self.sessions:
                    self.release(self.sessions.index(session))
                self.sweep()
                self.start_strays()
                while self.broker.tasks:
                    self.deliver(*self.broker.tasks.pop(0), self.workers[0])
                while self.pens:
                    self.end(0, "complete", dies=False)
            stuck = list(self.runs.active().values_list("id", "status", "task_id", "stop_requested_at"))
            assert not stuck, stuck
            self.everything_holds()
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)
