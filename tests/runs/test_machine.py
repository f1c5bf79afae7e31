"""Lifecycle, queue and log in any order that Hypothesis can think of, in one process, with a broker that forgets.

The broker is a list, the workers are rows, and commits are taken apart: what was to happen after one may never happen,
as when the process dies. After every step the invariants hold; in the end nothing is stuck.
"""

from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chatapp.chats.models import Message, Role, Session
from runs import actions
from runs.errors import NotQueued, SessionBusy, UpstreamFailed
from runs.lifecycle import dispatch, queue, reaper, redispatch, transitions
from runs.lifecycle.stop import request_stop
from runs.models import Model, Provider, Run, Worker
from runs.states import FINAL, Status, StopReason, WhenBusy
from streams.events import Kind
from streams.log import store
from streams.models import LoggedEvent
from tests.harness.check import FINAL_KIND, MESSAGE_STATE

SESSIONS, WORKERS = 2, 2
ROUNDS = 60  # of a quiet world in which everything has to come to its end
anything = st.integers(0, 1000)


class Broker:
    """Takes tasks and keeps them in order, unless it is down or forgets."""

    def __init__(self):
        self.tasks: list[tuple[UUID, UUID]] = []
        self.is_up = True

    def start(self, run_id: UUID, task_id: UUID) -> None:
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

    @initialize()
    def begin(self):
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.broker.__init__()
        self.alice = get_user_model().objects.create_user(f"alice-{uuid4().hex[:8]}")
        provider = Provider.objects.create(name="local", base_url="http://127.0.0.1:1/v1")
        Model.objects.create(name="m", label="M", provider=provider, upstream_id="m", is_default=True)
        self.sessions = [Session.objects.create(owner=self.alice) for _ in range(SESSIONS)]
        until = reaper.lease_end()
        self.workers = [
            Worker.objects.create(name=f"w{n}", pid=n, pool="gevent", lease_until=until) for n in range(WORKERS)
        ]
        self.pens: list[Pen] = []
        self.asked: set[UUID] = set()
        self.ends: dict[UUID, tuple] = {}

    @contextmanager
    def committing(self, dies: bool = False):
        """A commit: what was left for it happens now, or never."""
        first = len(connection.run_on_commit)
        yield
        while len(connection.run_on_commit) > first:
            _, callback, _ = connection.run_on_commit.pop(first)
            if not dies:
                callback()

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
            was_final = run.is_final
            with self.committing(dies):
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
                    pass

    # -- the broker ------------------------------------------------------------------------------

    @rule(is_up=st.booleans())
    def turn_broker(self, is_up):
        self.broker.is_up = is_up

    @rule()
    def forget_tasks(self):
        self.broker.tasks.clear()

    # -- workers ---------------------------------------------------------------------------------

    @precondition(lambda self: self.broker.tasks)
    @rule(number=anything, worker=st.integers(0, WORKERS - 1), again=st.booleans(), dies=st.booleans())
    def claim(self, number, worker, again, dies):
        """A task is delivered, in any order, perhaps twice, perhaps to a worker that dies at once."""
        index = number % len(self.broker.tasks)
        run_id, task_id = self.broker.tasks[index] if again else self.broker.tasks.pop(index)
        self.deliver(run_id, task_id, self.workers[worker], dies)

    def deliver(self, run_id, task_id, worker, dies=False):
        with self.committing():
            claimed = transitions.claim(run_id, task_id, worker)
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
    @rule(number=anything, how=st.sampled_from(["complete", "fail", "interrupt"]), dies=st.booleans())
    def end(self, number, how, dies):
        """The task decides; after a fence, an interruption or a completion it is over."""
        pen = self.pens.pop(number % len(self.pens))
        moves = {
            "complete": lambda: transitions.complete(pen.run_id, "stop"),
            "fail": lambda: transitions.fail(pen.run_id, UpstreamFailed("detail")),
            "interrupt": lambda: transitions.interrupt(pen.run_id),
        }
        with self.committing(dies):
            moves[how]()

    @rule(worker=st.integers(0, WORKERS - 1), seconds=st.sampled_from([-1, 60]))
    def lease(self, worker, seconds):
        until = timezone.now() + timedelta(seconds=seconds)
        Worker.objects.filter(pk=self.workers[worker].pk).update(lease_until=until)

    # -- upkeep ----------------------------------------------------------------------------------

    @rule(dies=st.booleans())
    def reap(self, dies):
        with self.committing(dies):
            reaper.reap()

    @rule()
    def sweep(self):
        with self.committing():
            reaper.start_stalled_queues()

    @rule()
    def start_strays(self):
        with self.committing():
            redispatch.redispatch()

    # -- what holds ------------------------------------------------------------------------------

    @invariant()
    def every_stream_is_whole_and_sealed_once(self):
        for run in self.runs:
            events = store.read(run.id)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            finals = [event.kind for event in events if event.is_final]
            assert finals == ([FINAL_KIND[run.status]] if run.is_final else [])
            assert not finals or events[-1].is_final

    @invariant()
    def an_end_is_for_ever_and_the_message_is_the_log(self):
        for run in self.runs.filter(status__in=FINAL).select_related("message"):
            end = (run.status, run.reason, run.code, run.finished_at, run.last_seq)
            assert self.ends.setdefault(run.id, end) == end
            assert run.message.content == store.fold_stream(run.id).text
            assert run.message.state == MESSAGE_STATE[run.status]

    @invariant()
    def one_of_a_session_is_under_way(self):
        for session in self.sessions:
            assert session.runs.under_way().count() <= 1

    @invariant()
    def nobody_is_stopped_without_having_asked(self):
        for run in self.runs.filter(status=Status.STOPPED):
            assert run.stop_requested_at
            assert run.id in self.asked or run.reason == StopReason.REPLACED

    @invariant()
    def every_question_has_its_answer(self):
        for question in Message.objects.filter(session__in=self.sessions, role=Role.USER):
            assert question.children.filter(role=Role.ASSISTANT).exists()

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
            self.every_stream_is_whole_and_sealed_once()
            self.an_end_is_for_ever_and_the_message_is_the_log()
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)


@pytest.fixture
def broker(monkeypatch):
    broker = Broker()
    monkeypatch.setattr(dispatch, "start", broker.start)
    monkeypatch.setattr(dispatch, "backlog", broker.backlog)
    monkeypatch.setattr(dispatch, "revoke", lambda task_id: None)  # it is lost: the worker finds the request
    monkeypatch.setattr(dispatch, "request_title", lambda run_id: None)
    monkeypatch.setattr(transitions, "announce", lambda events: None)
    return broker


@pytest.fixture(params=[10, pytest.param(50, marks=pytest.mark.long)])  # examples
def settings_of_world(request, settings):
    settings.REDISPATCH_SECONDS = 0
    settings.USER_MAX_RUNS = settings.USER_MAX_SENDS = 10_000
    return hypothesis_settings(
        max_examples=request.param, stateful_step_count=25, deadline=None, database=None, print_blob=True
    )


@pytest.mark.timeout(300)  # with all its queries it is slow on a busy machine
def test_any_order_of_moves_keeps_the_invariants_and_leaves_nothing_stuck(db, broker, settings_of_world):
    # B4 B8 B16 B18 B19 B36 B38
    World.broker = broker
    run_state_machine_as_test(World, settings=settings_of_world)
