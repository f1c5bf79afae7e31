"""What a page shows of a session's messages: final ones as HTML, those being written as the text so far.

Nothing is made into HTML here: a final answer that has none yet, or was too much for it, is shown as it was written.

An answer that is being written carries the seq its text reaches to. The browser follows the stream after that, on the
first view and after a reload alike (B33).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import prefetch_related_objects

from chatapp.chats.actions import FINAL
from chatapp.chats.beside import Beside
from chatapp.chats.models import Message, MessageState, Role
from chatapp.chats.plain import SHOWN_CHARACTERS, shown_text
from chatapp.chats.tree import Tree
from runs.lifecycle.transitions import LOST_MESSAGES
from runs.models import Run
from runs.queries.answers import answer_now
from runs.queries.queue_position import ahead_of

FIRST_SEQ = 1  # run.queued; whatever follows says that a worker has begun


@dataclass
class Entry(Beside):
    """A message as it is shown. `text` and `seq` belong to an answer that is being written."""

    message: Message
    run: Run | None = None
    text: str = ""
    reasoning: str = ""
    tools: list[dict] = field(default_factory=list)
    seq: int = 0
    is_retrying: bool = False
    ahead: int = 0  # answers that wait for a worker longer than this one
    versions: list[UUID] = field(default_factory=list)  # what stands in this place: this message and its siblings

    @property
    def is_answer(self) -> bool:
        return self.message.role == Role.ASSISTANT

    @property
    def is_active(self) -> bool:
        return self.is_answer and self.message.state not in FINAL

    @property
    def state(self) -> str:
        """What the reader is shown. A text already begun counts, though the row read just before says otherwise."""
        if self.is_stopping:
            return "stopping"
        if self.is_retrying:
            return "retrying"
        return MessageState.ANSWERING if self.is_active and self.seq > FIRST_SEQ else self.message.state

    @property
    def is_stopping(self) -> bool:
        return self.is_active and self.run is not None and self.run.stop_requested_at is not None

    @property
    def lost_sentence(self) -> str:
        """Why, if that is known; the page says itself that the answer was interrupted."""
        return LOST_MESSAGES.get(self.run.reason, "") if self.run else ""

    @property
    def is_cut_off(self) -> bool:
        return (
            self.message.state == MessageState.COMPLETE and self.run is not None and self.run.finish_reason == "length"
        )

    @property
    def can_go_on(self) -> bool:
        """Whether there is something to continue; it is offered for the last answer only."""
        is_unfinished = self.message.state in (MessageState.STOPPED, MessageState.LOST) or self.is_cut_off
        return is_unfinished and bool(self.message.content)

    @property
    def is_too_long(self) -> bool:
        """Whether a page shows the beginning only."""
        return len(self.text if self.is_active else self.message.content) > SHOWN_CHARACTERS

    @property
    def shown_text(self) -> str:
        """The text, where there is no HTML: of an answer being written so far."""
        return self.text[:SHOWN_CHARACTERS] if self.is_active else shown_text(self.message.content)

    @property
    def waits_for_html(self) -> bool:
        return not self.message.html and self.message.html_due_at is not None

    @property
    def version(self) -> int:
        """The number of this version, from 1."""
        return self.versions.index(self.message.pk) + 1 if self.message.pk in self.versions else 1

    @property
    def version_before(self) -> UUID | None:
        return self.versions[self.version - 2] if self.version > 1 else None

    @property
    def version_after(self) -> UUID | None:
        return self.versions[self.version] if self.version < len(self.versions) else None

    @property
    def figures(self) -> list[str]:
        """How long it took and how much it was, as far as that is known."""
        return figures_of(self.run) if self.run and not self.is_active else []

    @property
    def has_failed(self) -> bool:
        return self.message.state in (MessageState.FAILED, MessageState.LOST)


def figures_of(run: Run) -> list[str]:
    """The time to the first token, tokens a second, tokens."""
    figures, tokens = [], run.completion_tokens
    if run.started_at and run.first_token_at:
        figures.append(f"{(run.first_token_at - run.started_at).total_seconds():.1f} s to the first word")
    if (speed := run.tokens_per_second()) is not None:
        figures.append(f"{speed:.0f} tokens/s")
    if tokens:
        figures.append(f"{tokens} token{'' if tokens == 1 else 's'}")
    return figures


def entries(messages: Iterable[Message], tree: Tree | None = None, is_shown: bool = True) -> list[Entry]:
    """The messages, in their order, each with its last run, as HTML where they are to be shown.

    Without a `tree` they are of one session, whose tree is read.
    """
    messages = list(messages)
    prefetch_related_objects(messages, "attachments")
    if tree is None and messages and is_shown:
        tree = Tree(messages[0].session)
    answers = [message.pk for message in messages if message.role == Role.ASSISTANT]
    runs = Run.objects.filter(message__in=answers).select_related("model").order_by("id")
    last_run = {run.message_id: run for run in runs}
    shown = [_entry(message, last_run.get(message.pk)) for message in messages]
    if is_shown:
        for entry in shown:
            entry.versions = tree.versions(entry.message.pk)
    return shown


def _entry(message: Message, run: Run | None) -> Entry:
    entry = Entry(message, run, reasoning=message.reasoning, tools=message.tools)
    if not entry.is_active or run is None:
        return entry
    folded = answer_now(message, run)
    if not entry.is_active:  # it has ended meanwhile
        return Entry(message, run, reasoning=folded.reasoning, tools=folded.tools)
    is_retrying = folded.retries > 0 and not folded.text and not folded.reasoning
    entry = Entry(message, run, folded.text, folded.reasoning, folded.tools, folded.last_seq, is_retrying)
    entry.ahead = ahead_of(run)
    return entry
