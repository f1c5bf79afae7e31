"""What a run says: while it goes on the log knows, afterwards the message holds the same."""

from runs import lifecycle
from runs.models import Run
from runs.states import Status
from streams import log
from streams.events import Folded


def shown(run: Run) -> Folded:
    """What a reader is shown of the run's message: as `so_far`, after what earlier runs have written in it."""
    folded, before = so_far(run), lifecycle.said_before(run)
    folded.text, folded.reasoning = before.text + folded.text, before.reasoning + folded.reasoning
    folded.tools = before.tools + folded.tools
    return folded


def so_far(run: Run) -> Folded:
    """The text, reasoning, tools and usage of a run up to now, and the seq from which to follow on.

    A run whose worker is gone is ended before, and `run` says so: nobody is shown a run that is dead (B12).
    """
    if run.status == Status.RUNNING and lifecycle.reap([run.id]):
        run.refresh_from_db()
    return log.fold_stream(run.id)
