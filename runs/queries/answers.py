"""What a run says: while it goes on the log knows, afterwards the message holds the same."""

from uuid import UUID

from runs.lifecycle import transitions
from runs.lifecycle.segments import piece_of, said_before
from runs.models import Run
from runs.states import Status
from streams.events import Folded
from streams.log import store
from streams.log.compaction import snapshot_data


def shown(run: Run) -> Folded:
    """What a reader is shown of the run's message: as `so_far`, after what earlier runs have written in it."""
    folded, before = so_far(run), said_before(run)
    folded.text, folded.reasoning = before.text + folded.text, before.reasoning + folded.reasoning
    folded.tools = before.tools + folded.tools
    return folded


def so_far(run: Run) -> Folded:
    """The text, reasoning, tools and usage of a run up to now, and the seq from which to follow on.

    A run whose worker is gone is ended before, and `run` says so: nobody is shown a run that is dead (B12).
    """
    if run.status == Status.RUNNING and transitions.reap([run.id]):
        run.refresh_from_db()
    return store.fold_stream(run.id)


def snapshot(stream: UUID) -> dict | None:
    """What a final run has said, from its message. None: it is not known."""
    run = Run.objects.filter(pk=stream, finished_at__isnull=False).select_related("message").first()
    piece = piece_of(run) if run else None
    if piece is None:
        return None
    if run.prompt_tokens is not None and run.completion_tokens is not None:
        piece.usage = {"prompt_tokens": run.prompt_tokens, "completion_tokens": run.completion_tokens}
    return snapshot_data(piece)
