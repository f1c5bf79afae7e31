"""Maintenance as in production: while readers follow and workers write, and killed in the middle."""

import json
import re
from contextlib import contextmanager

from django.db import connection, transaction

from runs.models import Run
from runs.states import LogKept
from streams.events import Kind
from streams.log import store
from streams.models import LoggedEvent
from tests.harness.check import check, logged
from tests.harness.facts import wait_until
from tests.harness.processes import Part
from tests.harness.upstream import prompt, spoken

TOKENS = 2000


def kept(run: Run) -> str:
    return Run.objects.values_list("log_kept", flat=True).get(pk=run.pk)


def test_a_reader_who_comes_after_compaction_gets_the_snapshot_wherever_he_was(make_stack):  # B29 B30
    stack = make_stack(COMPACT_SECONDS="0")  # by beat and a worker, a few seconds after the end
    alice = stack.person("alice")
    run = check(alice.send(prompt(tokens=TOKENS, per_write=1, rate=5000)))
    last_delta = run.last_seq - 2  # before the usage; words that arrive together are one event
    wait_until(lambda: kept(run) == LogKept.COMPACTED, "the stream is compacted")
    check(run)
    assert [event.seq for event in logged(run)] == [1, 2, last_delta, last_delta + 1, run.last_seq]
    for follow in (alice.follow, alice.follow_ws):
        for after, seqs in (
            (0, [1, 2, last_delta, last_delta + 1, run.last_seq]),
            (2, [last_delta, last_delta + 1, run.last_seq]),
            (last_delta // 2, [last_delta, last_delta + 1, run.last_seq]),
            (last_delta, [last_delta + 1, run.last_seq]),
        ):
            follower = follow(run, after=after)
            follower.wait_for_final()
            assert [event.seq for event in follower.events] == seqs
            assert follower.text == (spoken(TOKENS) if last_delta in seqs else "")
    again = alice.follow(run, after=run.last_seq).wait_for_end()
    assert again.status == 204

    # A place in the future, the page, the API and going on should be as they were
    lost = alice.follow_ws(run, after=999_999)
    lost.wait_for_final()
    assert [(event.seq, event.kind) for event in lost.envelopes[:2]] == [(0, "resync"), (1, "run.queued")]
    answer = alice.api("GET", f"/runs/{run.pk}").json()
    assert (answer["text"], answer["last_seq"]) == (spoken(TOKENS), run.last_seq)
    more = alice.api("POST", f"/runs/{run.pk}/continue")
    more = check(Run.objects.get(pk=more.json()["run"]["id"]))
    assert more.message.content.startswith(spoken(TOKENS))


def split_into_words(run: Run) -> Run:
    """Make each word of an ended answer an event of its own.

    Words that one read brings are one event: a busy machine's log would be too short to be compacted in several steps.
    """
    *opening, usage, final = [(e.kind, json.loads(e.data)) for e in logged(run) if e.kind != Kind.TEXT]
    words = [(Kind.TEXT, {"text": f"{word} "}) for word in run.message.content.split()]
    with transaction.atomic():
        LoggedEvent.objects.filter(stream=run.pk).delete()
        run.last_seq = store.append(run.pk, *opening, *words, usage, final)[-1].seq
        run.save(update_fields=["last_seq"])
    return run


@contextmanager
def deep_rows_held(runs: list[Run]):
    """PostgreSQL is too quick to be killed in the middle: its last steps have to wait. SQLite makes pauses."""
    if connection.vendor == "sqlite":
        yield
        return
    with transaction.atomic():
        for run in runs:
            LoggedEvent.objects.select_for_update().get(stream=run.pk, seq=run.last_seq // 4)
        yield


def test_upkeep_that_is_killed_in_the_middle_leaves_nothing_wrong_and_goes_on(make_stack):  # B29 B30
    stack = make_stack(start=("valkey", "worker", "web"))
    alice = stack.person("alice")
    runs = [alice.send(prompt(tokens=TOKENS)) for _ in range(2)]
    runs = [split_into_words(check(run)) for run in runs]
    env = {**stack.env, "COMPACT_SECONDS": "0"}
    argv = stack.manage_argv("reduce_logs")
    upkeep = [Part(name, argv, stack.directory, env) for name in ("upkeep", "other")]
    events = LoggedEvent.objects.filter(stream__in=[run.pk for run in runs])
    with deep_rows_held(runs):
        there = events.count()
        upkeep[0].start()
        wait_until(lambda: events.count() < there, "some rows are gone")
        upkeep[0].kill()
        assert events.filter(kind=Kind.TEXT).exists(), "nothing was left to do: this proves nothing"
    for run in runs:
        check(run, alice.follow(run), alice.follow_ws(run))

    # Two at once should bring it to its end
    for part in upkeep:
        part.start()
    for part in upkeep:
        wait_until(lambda part=part: not part.is_alive, "it has ended")
        assert re.search(r"compacted \d+ streams", part.log())
    assert [kept(run) for run in runs] == [LogKept.COMPACTED] * 2
    assert events.count() == 2 * 5
    for run in runs:
        assert check(run, alice.follow(run)).message.content == spoken(TOKENS)


def test_answers_are_written_and_followed_while_logs_are_reduced(make_stack):  # B28 B29
    stack = make_stack(start=("valkey", "worker", "web"), COMPACT_SECONDS="0", RETENTION_DAYS="0.000001")
    alice = stack.person("alice")
    old = check(alice.send(prompt(tokens=800, per_write=1, rate=5000)))
    say = prompt(tokens=60, rate=30, hold=[40])
    run = alice.send(say)
    followers = [alice.follow(run), alice.follow_ws(run)]
    stack.manage("reduce_logs")
    assert kept(old) == LogKept.PRUNED
    for follower in followers:
        follower.wait_for_text(spoken(40))
    stack.upstream.release(say.tag)
    run = check(run, *followers)
    assert (run.message.content, kept(run)) == (spoken(60), LogKept.WHOLE)

    # Of the old stream only its end is kept; a reader from the middle should still get the whole
    late = alice.follow(old, after=old.last_seq // 2)
    late.wait_for_final()
    heard = [(event.seq, event.kind) for event in late.events]
    assert heard == [(old.last_seq - 1, "snapshot"), (old.last_seq, "run.completed")]
    assert late.text == spoken(800)
