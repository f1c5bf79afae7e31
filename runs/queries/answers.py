"""The text that a run has written: from the log while it is under way, then from its message."""

from functools import reduce
from uuid import UUID

from chatapp.chats.actions import FINAL
from chatapp.chats.models import Message
from runs.errors import UpstreamLoading
from runs.lifecycle import reaper
from runs.lifecycle.segments import earlier_segments, segment_of
from runs.models import Run
from runs.states import Status
from runs.upstream.reading.sources import merge
from streams.events import Folded
from streams.log import store
from streams.log.compaction import snapshot_data


def answer_now(message: Message, run: Run | None) -> Folded:
    """The whole answer so far; `run` is the last one of `message`.

    A final answer is its message; for an active one the log is folded after the segments of earlier runs. If it ended
    after the rows were read, both are reloaded to include its end, because the stream has nothing left to follow.
    """
    if run is None or message.state in FINAL:
        return _stored(message, run)
    folded = so_far(run)
    if folded.final:
        run.refresh_from_db()
        message.refresh_from_db()
        return _stored(message, run)
    before = earlier_segments(run)
    folded.text, folded.reasoning = before.text + folded.text, before.reasoning + folded.reasoning
    folded.tools = before.tools + folded.tools
    folded.sources = merge(before.sources, folded.sources)
    return folded


def _stored(message: Message, run: Run | None) -> Folded:
    last_seq, sources = (run.last_seq, sources_of(run)) if run else (0, [])
    return Folded(last_seq, message.content, message.reasoning, message.tools, sources=sources)


def sources_of(run: Run) -> list[dict[str, str]]:
    """The web pages that the answer of a final run names, those of the runs that it continues first."""
    if not run.is_continuation:
        return run.sources or []
    runs = Run.objects.filter(message_id=run.message_id, id__lte=run.id).order_by("id")
    return reduce(merge, (sources or [] for sources in runs.values_list("sources", flat=True)), [])


def so_far(run: Run) -> Folded:
    """The text, reasoning, tools and usage of this run alone, and the seq from which to follow on.

    If the run's worker is gone, the run is ended first and read again: no reader is shown a dead run as alive (B12).
    """
    if run.status == Status.RUNNING and reaper.reap([run.id]):
        run.refresh_from_db()
    return store.fold_stream(run.id)


def snapshot(stream: UUID) -> dict | None:
    """The text of a final run, from its message. None: unknown."""
    run = Run.objects.filter(pk=stream, finished_at__isnull=False).select_related("message").first()
    piece = segment_of(run) if run else None
    if piece is None:
        return None
    piece.usage, piece.sources = usage_of(run), run.sources or []
    return snapshot_data(piece)


def usage_of(run: Run) -> dict[str, int]:
    """The counts of a final run, as the `usage` event has them; empty if the upstream reported none."""
    if run.prompt_tokens is None or run.completion_tokens is None:
        return {}
    counts = {"prompt_tokens": run.prompt_tokens, "completion_tokens": run.completion_tokens}
    details = {"cached_tokens": run.cached_tokens, "reasoning_tokens": run.reasoning_tokens}
    return counts | {name: count for name, count in details.items() if count}


def retrying_label(code: str) -> str:
    """What a page shows while a request is retried after an error with this code."""
    if code == UpstreamLoading.code:
        return "The model is being loaded, which may take a few minutes…"
    return "The model is busy, trying again…"
