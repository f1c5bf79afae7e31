"""What a run says: while it goes on the log knows, afterwards the message."""

from runs.models import Run
from streams import log
from streams.events import Folded


def so_far(run: Run) -> Folded:
    """The text, reasoning, tools and usage of a run up to now, and the seq from which to follow on."""
    return log.fold_stream(run.id)
