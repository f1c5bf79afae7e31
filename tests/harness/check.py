"""The one promise, asserted at the end of every test that generates text."""

import json

from chatapp.chats.models import MessageState
from runs.lifecycle.segments import earlier_segments
from runs.models import Run
from runs.states import Status
from streams.events import Event, Folded, Kind, fold
from streams.models import LoggedEvent
from tests.harness.facts import PATIENCE_SECONDS, wait_until
from tests.harness.followers import Follower

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


def logged(run: Run) -> list[Event]:
    """The log of a run's stream, in order."""
    rows = LoggedEvent.objects.filter(stream=run.pk).order_by("seq")
    return [Event(row.stream, row.seq, row.kind, row.data.encode()) for row in rows]


def wait_for_end(run: Run, patience: float = PATIENCE_SECONDS) -> Run:
    """The run as it ended."""

    def ended() -> Run | None:
        now = Run.objects.select_related("message", "session").get(pk=run.pk)
        return now if now.is_final else None

    return wait_until(ended, f"run {run.pk} ends", patience)


def check(run: Run, *followers: Follower) -> Run:
    """Wait for the run's end and assert that it ended exactly once and that all followers got the same.

    The log has no gap (but before the snapshot of a compacted one) and one final event, its fold is the message, and
    each follower heard exactly the log after the position it began at. The run as it ended.
    """
    run = wait_for_end(run)
    events = logged(run)
    assert unexplained_gaps(events) == [], "the log has a gap"
    assert [event.kind for event in events if event.is_final] == [FINAL_KIND[run.status]]
    assert events[-1].is_final, "something follows the final event"
    check_message(run, fold(events))
    for follower in followers:
        follower.wait_for_final()
        check_follower(follower, events)
    return run


def unexplained_gaps(events: list[Event]) -> list[Event]:
    """The events without a predecessor. A snapshot needs none: it contains what came before."""
    seqs = [0] + [event.seq for event in events]
    return [
        event
        for before, event in zip(seqs, events, strict=False)
        if event.seq != before + 1 and not (event.seq > before and event.kind == Kind.SNAPSHOT)
    ]


def check_message(run: Run, folded: Folded) -> None:
    before = earlier_segments(run)  # by the earlier runs of a continued answer
    assert before.text + folded.text == run.message.content
    assert before.reasoning + folded.reasoning == run.message.reasoning
    assert before.tools + folded.tools == run.message.tools
    assert run.last_seq == folded.last_seq
    assert run.message.state == MESSAGE_STATE[run.status]


def check_follower(follower: Follower, events: list[Event]) -> None:
    """What was heard before the stream was compacted is no longer in the log; then the text must be the same."""
    if follower.after == 0 and any(event.kind == Kind.SNAPSHOT for event in events):
        assert (follower.text, follower.last_seq) == (fold(events).text, events[-1].seq)
        return
    heard = [(envelope.stream, envelope.seq, envelope.kind, envelope.data) for envelope in follower.events]
    said = [
        (str(event.stream), event.seq, str(event.kind), json.loads(event.data))
        for event in events
        if event.seq > follower.after
    ]
    assert heard == said
