"""Presenters of panes. Templates get model names only from here, where a blind comparison hides them (B45)."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from chatapp.chats.models import MessageState
from chatapp.chats.plain_text import SHOWN_CHARACTERS, text_for_page
from chatapp.chats.reasoning_and_tools import ReasoningAndTools
from chatapp.compare.models import Comparison, Pane
from runs.lifecycle.transitions import LOST_MESSAGES
from runs.models import Run
from runs.queries.answers import answer_now, retrying_label
from runs.queries.costs import in_currency
from runs.states import Status, StopReason
from runs.upstream.reading.finish_reasons import cut_off_note
from streams.events import Kind
from streams.models import LoggedEvent

FIRST_SEQ = 1  # run.queued; any later event means that a worker has started
HIDDEN = "Hidden until you vote"


@dataclass
class Figures:
    """Speed and cost of an answer; None where unknown."""

    first_token_seconds: float | None = None
    tokens: int | None = None
    tokens_per_second: float | None = None
    is_counted_here: bool = False  # the upstream reported no usage: chunks are counted instead
    cost: Decimal | None = None  # in CURRENCY; None while models are hidden, whose prices would tell which they are

    @property
    def cost_label(self) -> str:
        return "" if self.cost is None else in_currency(self.cost)


@dataclass
class PaneView(ReasoningAndTools):
    """The current state of one pane. `seq`: the position from which a page follows an active run."""

    pane: Pane
    run: Run | None
    contender: str
    text: str = ""
    reasoning: str = ""
    tools: list[dict] = field(default_factory=list)
    sources: list[dict] = field(default_factory=list)
    seq: int = 0
    retry_code: str = ""  # of the error after which the request is being retried
    is_winner: bool = False

    @property
    def letter(self) -> str:
        return self.pane.letter

    @property
    def page_text(self) -> str:
        """Plain text shown where there is no HTML yet, such as a partial answer."""
        return self.text[:SHOWN_CHARACTERS] if self.is_active else text_for_page(self.text)

    @property
    def is_too_long(self) -> bool:
        """Whether the page shows only the beginning."""
        return len(self.text) > SHOWN_CHARACTERS

    @property
    def waits_for_html(self) -> bool:
        message = self.run.message if self.run and not self.is_active else None
        return message is not None and not message.html and message.html_due_at is not None

    @property
    def is_active(self) -> bool:
        return self.run is not None and not self.run.is_final

    @property
    def is_waiting_its_turn(self) -> bool:
        return self.is_active and self.run.status == Status.QUEUED and self.run.task_id is None

    @property
    def state(self) -> str:
        if self.run is None:
            return "gone"
        if not self.is_active:
            return self.run.status
        if self.run.stop_requested_at is not None:
            return "stopping"
        if self.retry_code:
            return "retrying"
        return MessageState.ANSWERING if self.seq > FIRST_SEQ else MessageState.WAITING

    @property
    def state_label(self) -> str:
        """The state as pages show it."""
        if self.is_waiting_its_turn and self.state == MessageState.WAITING:
            return "Waiting for its turn"
        return {
            "waiting": "Waiting to start…",
            "answering": "Answering…",
            "retrying": retrying_label(self.retry_code),
            "stopping": "Stopping…",
            "completed": "Done",
            "stopped": "Stopped",
            "failed": "Failed",
            "lost": "Interrupted",
            "gone": "Deleted with its chat",
        }[self.state]

    @property
    def note(self) -> str:
        """Why an answer was stopped that nobody stopped, or why it is not whole."""
        if self.state == "completed":
            return cut_off_note(self.run.finish_reason, bool(self.run.message.content))
        if self.state != "stopped" or self.run.reason != StopReason.VIEWER_LEFT:
            return ""
        return "Stopped because its page was closed or lost its connection."

    @property
    def failure(self) -> str:
        """Why the answer is incomplete; empty if it is complete."""
        if self.state == "failed":
            return self.run.error
        return LOST_MESSAGES.get(self.run.reason, "") if self.state == "lost" else ""

    @property
    def figures(self) -> Figures:
        if self.run is None or not self.run.is_final:
            return Figures()
        figures = figures_of(self.run)
        return figures if self.pane.comparison.hides_models else replace(figures, cost=self.run.cost)


def views_of(comparison: Comparison) -> list[PaneView]:
    """Views of the open panes, ordered by letter."""
    panes = comparison.panes.open().order_by("position").select_related("run__message", "session")
    return [_view(pane, comparison) for pane in panes]


def _view(pane: Pane, comparison: Comparison) -> PaneView:
    run = pane.run
    contender = HIDDEN if comparison.hides_models else pane.contender
    view = PaneView(pane, run, contender, is_winner=pane.pk == comparison.winner_id)
    if run is None:
        return view
    answer = answer_now(run.message, run)
    view.text, view.reasoning, view.tools = answer.text, answer.reasoning, answer.tools
    view.sources = answer.sources
    if view.is_active:
        view.seq = answer.last_seq
        view.retry_code = answer.retry_code if not answer.text and not answer.reasoning else ""
    return view


def figures_of(run: Run) -> Figures:
    """Seconds from the start of the run to its first token, and tokens per second after it."""
    first = _seconds(run.started_at, run.first_token_at)
    tokens, is_counted_here = run.completion_tokens, False
    if not tokens and first is not None:
        pieces = LoggedEvent.objects.filter(stream=run.pk, kind__in=[Kind.TEXT, Kind.REASONING]).count()
        tokens, is_counted_here = pieces or None, True
    return Figures(first, tokens, run.tokens_per_second(tokens), is_counted_here)


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return (end - begin).total_seconds() if begin and end else None
