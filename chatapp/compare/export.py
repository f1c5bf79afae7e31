"""A comparison as Markdown."""

from collections.abc import Iterator

from chatapp.compare.models import Comparison
from chatapp.compare.panes import PaneView, views_of
from runs.queries.export import markdown_of_sources


def markdown_of(comparison: Comparison) -> str:
    """Prompt, answers with their figures, and the vote. A blind comparison shows letters instead of names (B45)."""
    views = views_of(comparison)
    parts = [f"# Comparison of {comparison.created_at:%Y-%m-%d %H:%M} UTC", "## Prompt", comparison.prompt.strip()]
    for view in views:
        parts += _answer(view, comparison)
    parts += ["## Vote", _vote(comparison, views)]
    return "\n\n".join(parts) + "\n"


def file_name_of(comparison: Comparison) -> str:
    return f"comparison-{comparison.pk}.md"


def _answer(view: PaneView, comparison: Comparison) -> Iterator[str]:
    yield f"## Answer {view.letter}" if comparison.hides_models else f"## Answer {view.letter}: {view.contender}"
    facts = [view.state_label, *_figures(view)]
    yield f"*{' · '.join(facts)}*"
    if view.text.strip():
        yield view.text.strip()
    if view.sources:
        yield markdown_of_sources(view.sources)
    if view.failure:
        yield f"> {view.failure}"


def _figures(view: PaneView) -> Iterator[str]:
    figures = view.figures
    if figures.first_token_seconds is not None:
        yield f"first token after {figures.first_token_seconds:.2f} s"
    if figures.tokens_per_second is not None:
        yield f"{'≈ ' if figures.is_counted_here else ''}{figures.tokens_per_second:.1f} tokens/s"
    if figures.cost_label:
        yield figures.cost_label


def _vote(comparison: Comparison, views: list[PaneView]) -> str:
    if not comparison.is_decided:
        return "Not voted yet."
    winner = next((view for view in views if view.is_winner), None)
    return f"Answer {winner.letter} ({winner.contender}) won." if winner else "A tie."
