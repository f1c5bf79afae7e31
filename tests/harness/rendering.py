"""Render due HTML without a worker, in the tests' own process."""

from runs.rendering import backlog
from runs.rendering.renderer import Renderer

renderer = Renderer()  # its process is started when a test needs it, and ends with the tests


def make_html() -> int:
    """Render all due answers. Returns their number."""
    return sum(backlog.render_answer(renderer, pk=pk) is not None for pk in backlog.due_answers())
