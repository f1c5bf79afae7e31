"""What a page displays of messages: final ones as HTML, active answers as the text so far.

Nothing is rendered here: a final answer without HTML, because it is not yet rendered or too complex, is displayed as
plain text. An active answer carries the seq of its text's last event: the browser follows the stream from there, on
the first view and after a reload alike (B33).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import prefetch_related_objects

from chatapp.chats.actions import FINAL
from chatapp.chats.models import Message, MessageState, Role
from chatapp.chats.plain_text import SHOWN_CHARACTERS, text_for_page
from chatapp.chats.reasoning_and_tools import ReasoningAndTools
from chatapp.chats.tree import Tree
from runs.lifecycle.transitions import LOST_MESSAGES
from runs.models import Run
from runs.queries.answers import answer_now, retrying_label, sources_of
from runs.queries.costs import in_currency
from runs.queries.queue_position import ahead_of
from runs.upstream.reading.finish_reasons import cut_off_note

LONG_HTML = 50_000  # characters of an answer's HTML: all of it is laid out in 20 ms
FOLD_CHARACTERS, FOLD_LINES = 1_500, 20  # of a question, from which it is folded
FIRST_SEQ = 1  # run.queued; any later event means that a worker has started


@dataclass
class Entry(ReasoningAndTools):
    """A message as it is displayed. `text` and `seq` are those of an active answer."""

    message: Message
    run: Run | None = None
    text: str = ""
    reasoning: str = ""
    tools: list[dict] = field(default_factory=list)
    sources: list[dict] = field(default_factory=list)
    seq: int = 0
    retry_code: str = ""  # of the error after which the request is being retried
    ahead: int = 0  # answers that have been waiting for a worker longer than this one
    versions: list[UUID] = field(default_factory=list)  # this message and its siblings
    is_target: bool = False  # the page was opened at this message,
    words: list[str] = field(default_factory=list)  # to show these words of a search

    @property
    def is_answer(self) -> bool:
        return self.message.role == Role.ASSISTANT

    @property
    def is_active(self) -> bool:
        return self.is_answer and self.message.state not in FINAL

    @property
    def state(self) -> str:
        """The state to display. An answer whose log has text is answering, even if its row, read before, is waiting."""
        if self.is_stopping:
            return "stopping"
        if self.retry_code:
            return "retrying"
        return MessageState.ANSWERING if self.is_active and self.seq > FIRST_SEQ else self.message.state

    @property
    def retrying_label(self) -> str:
        return retrying_label(self.retry_code)

    @property
    def is_stopping(self) -> bool:
        return self.is_active and self.run is not None and self.run.stop_requested_at is not None

    @property
    def lost_reason(self) -> str:
        """Why the answer was interrupted, if known."""
        return LOST_MESSAGES.get(self.run.reason, "") if self.run else ""

    @property
    def left_out(self) -> int:
        """Messages of the chat that did not fit into the model's context."""
        return self.run.left_out if self.run else 0

    @property
    def cut_off_note(self) -> str:
        """Why a complete answer is not whole; empty if it is."""
        if self.message.state != MessageState.COMPLETE or self.run is None:
            return ""
        return cut_off_note(self.run.finish_reason, bool(self.message.content))

    @property
    def can_continue(self) -> bool:
        """Whether the answer can be continued if it is the last one of the transcript."""
        is_unfinished = self.message.state in (MessageState.STOPPED, MessageState.LOST) or bool(self.cut_off_note)
        return is_unfinished and bool(self.message.content)

    @property
    def is_long(self) -> bool:
        """Whether a browser lays out this answer's blocks when they come into view: all at once would take long."""
        return len(self.message.html) > LONG_HTML

    @property
    def is_too_long(self) -> bool:
        """Whether the page displays only the beginning."""
        return len(self.text if self.is_active else self.message.content) > SHOWN_CHARACTERS

    @property
    def is_folded(self) -> bool:
        """Whether only the beginning of a question is in view, until it is unfolded."""
        content = self.message.content
        return len(content) > FOLD_CHARACTERS or content.count("\n") >= FOLD_LINES

    @property
    def page_text(self) -> str:
        """The plain text, for an entry without HTML."""
        return self.text[:SHOWN_CHARACTERS] if self.is_active else text_for_page(self.message.content)

    @property
    def is_html_due(self) -> bool:
        return not self.message.html and self.message.html_due_at is not None

    @property
    def version(self) -> int:
        """The number of this version, from 1."""
        return self.versions.index(self.message.pk) + 1 if self.message.pk in self.versions else 1

    @property
    def previous_version(self) -> UUID | None:
        return self.versions[self.version - 2] if self.version > 1 else None

    @property
    def next_version(self) -> UUID | None:
        return self.versions[self.version] if self.version < len(self.versions) else None

    @property
    def figures(self) -> list[str]:
        """Speed and length of a final answer, as far as known."""
        return figures_of(self.run) if self.run and not self.is_active else []

    @property
    def has_failed(self) -> bool:
        return self.message.state in (MessageState.FAILED, MessageState.LOST)


def figures_of(run: Run) -> list[str]:
    """Time to the first token, tokens per second, tokens, cost."""
    figures, tokens = [], run.completion_tokens
    if run.started_at and run.first_token_at:
        figures.append(f"first token {(run.first_token_at - run.started_at).total_seconds():.1f} s")
    if (speed := run.tokens_per_second()) is not None:
        figures.append(f"{speed:.0f} tokens/s")
    if tokens:
        reasoning = f", {run.reasoning_tokens} of them reasoning" if run.reasoning_tokens else ""
        figures.append(f"{tokens} token{'' if tokens == 1 else 's'}{reasoning}")
    if run.cached_tokens:
        figures.append(f"{run.cached_tokens} prompt tokens from the cache")
    return figures + ([in_currency(run.cost)] if run.cost is not None else [])


def entries(messages: Iterable[Message], tree: Tree, is_shared: bool = False) -> list[Entry]:
    """Messages of one session, whose `tree` is given, with their last runs. Shared ones lack reasoning and tools."""
    messages = list(messages)
    prefetch_related_objects(messages, "attachments")
    answers = [message.pk for message in messages if message.role == Role.ASSISTANT]
    runs = Run.objects.filter(message__in=answers).select_related("model").order_by("id")
    last_run = {run.message_id: run for run in runs}
    return [_entry(message, last_run.get(message.pk), tree, is_shared) for message in messages]


def _entry(message: Message, run: Run | None, tree: Tree, is_shared: bool) -> Entry:
    entry = Entry(message, run, versions=tree.versions(message.pk))
    if entry.is_active and run is not None:
        folded = answer_now(message, run)
        if entry.is_active:  # otherwise it ended meanwhile, and `message` was reloaded
            entry.text, entry.seq = folded.text, folded.last_seq
            entry.retry_code = folded.retry_code if not folded.text and not folded.reasoning else ""
            entry.ahead = ahead_of(run)
        entry.reasoning, entry.tools, entry.sources = folded.reasoning, folded.tools, folded.sources
        return entry
    entry.sources = sources_of(run) if run else []
    if not is_shared:
        entry.reasoning, entry.tools = message.reasoning, message.tools
    return entry
