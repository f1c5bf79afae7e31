"""One answer at a time in a session, however many messages are sent at once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from runs.models import Run
from runs.states import Status
from streams.events import FINAL_KINDS, Kind
from streams.models import LoggedEvent
from tests.harness.check import check
from tests.harness.upstream import prompt


def _spans(runs: list[Run]) -> list[tuple]:
    """(started, ended, run) by the times in the log, in order."""
    spans = []
    for run in runs:
        events = LoggedEvent.objects.filter(stream=run.pk)
        spans.append((events.get(kind=Kind.STARTED).at, events.get(kind__in=FINAL_KINDS).at, run))
    return sorted(spans, key=lambda span: span[:2])


def test_at_most_one_run_of_a_session_runs_and_they_run_in_order(each_stack):  # B16
    alice = each_stack.person("alice")
    session = alice.new_session()
    texts = [prompt(f"Number {n}", tokens=5, rate=100) for n in range(6)]
    with ThreadPoolExecutor(6) as crowd:
        replies = list(
            crowd.map(lambda text: alice.api("POST", f"/sessions/{session}/messages", {"text": text}), texts)
        )
    assert [reply.status for reply in replies] == [202] * 6
    runs = [check(Run.objects.get(pk=reply.json()["run"]["id"])) for reply in replies]
    assert {run.status for run in runs} == {Status.COMPLETED}
    spans = _spans(runs)
    for (_, ended, _), (started, _, _) in pairwise(spans):
        assert ended <= started
    assert [run for *_, run in spans] == sorted(runs, key=lambda run: (run.queued_at, run.id))


def test_what_was_asked_while_an_answer_runs_starts_after_it(each_stack):  # B16 B18 B19
    alice = each_stack.person("alice")
    session = alice.new_session()
    say = prompt(tokens=4, hold=[2])
    first = alice.send(say, session)
    each_stack.upstream.wait(say.tag, "stalled")
    second = alice.send(prompt(tokens=3), session)
    follower = alice.follow(second).wait_for_seq(1)
    assert Run.objects.get(pk=second.pk).status == Status.QUEUED
    each_stack.upstream.release(say.tag)
    first, second = check(first), check(second, follower)
    assert first.finished_at <= second.started_at
    assert second.message.parent.parent == first.message
