"""One answer at a time in a session, however many messages are sent at once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from runs.models import Run
from runs.states import Status
from streams.events import FINAL_KINDS, Kind
from streams.models import LoggedEvent
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken


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


def test_what_is_sent_now_starts_although_the_queue_is_held(each_stack):  # B18 B19
    """It waited for a release if another message had gone ahead of the held queue and was being answered."""
    alice = each_stack.person("alice")
    session = alice.new_session()
    one, two = prompt(tokens=4, hold=[2]), prompt(tokens=4, hold=[2])
    first = alice.send(one, session)
    each_stack.upstream.wait(one.tag, "stalled")
    second, third = (alice.send(prompt(tokens=tokens), session) for tokens in (1, 2))
    alice.stop(first)
    assert check(first).status == Status.STOPPED
    ahead = alice.send(two, session)
    each_stack.upstream.wait(two.tag, "stalled")
    assert alice.api("POST", f"/runs/{third.pk}/send-now").status == 202
    assert check(ahead).status == Status.STOPPED
    assert check(third).message.content == spoken(2)

    # The others should stay held
    assert Run.objects.get(pk=second.pk).task_id is None
    assert alice.api("POST", f"/sessions/{session}/queue/release").status == 202
    assert check(second).message.content == spoken(1)
