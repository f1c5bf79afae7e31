"""HTML without a worker: what is due is made here and now, by a renderer of the tests' own process."""

from runs.rendering import backlog
from runs.rendering.renderer import Renderer

renderer = Renderer()  # its process is started when a test needs it, and ends with the tests


def make_html() -> int:
    """Make all HTML that is due. Returns for how many answers."""
    return sum(backlog.render_answer(renderer, pk=pk) is not None for pk in backlog.due_answers())
