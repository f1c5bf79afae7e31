"""What a page shows of a session's messages: final ones as HTML, those being written as the text so far.

Messages are a tree; shown is the path from its root to the session's tip.

An answer that is being written carries the seq its text reaches to. The browser follows the stream after that, on the
first view and after a reload alike (B33).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from chatapp.chats.actions import FINAL, keep_html
from chatapp.chats.models import Message, MessageState, Role, Session
from runs.answers import shown as shown_of
from runs.lifecycle import LOST_MESSAGES, under_way
from runs.models import Run
from runs.states import LostReason, Status

FIRST_SEQ = 1  # run.queued; whatever follows says that a worker has begun


@dataclass
class Entry:
    """A message as it is shown. `text` and `seq` belong to an answer that is being written."""

    message: Message
    run: Run | None = None
    text: str = ""
    reasoning: str = ""
    seq: int = 0
    is_retrying: bool = False

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
        reason = self.run.reason if self.run else ""
        return LOST_MESSAGES.get(reason, LOST_MESSAGES[LostReason.INTERRUPTED])

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
    def has_failed(self) -> bool:
        return self.message.state in (MessageState.FAILED, MessageState.LOST)


def path(session: Session) -> list[Message]:
    """The messages that are shown, in order: from the root to the tip, and the answer whose turn has just come.

    That one gets its place in the tree when a worker begins it; until then it is shown where it will stand. It is
    looked for before the tip is read: one that is begun in between is then seen on the way to the new tip.
    """
    coming = under_way(session.id).filter(status=Status.QUEUED).select_related("message__parent").first()
    tip = Session.objects.filter(pk=session.pk).values_list("tip", flat=True).first() or _newest(session)
    parents = dict(session.messages.values_list("id", "parent_id"))
    shown = _up_from(tip, parents)
    if coming and coming.message_id not in shown:
        question = coming.message.parent
        before = shown if question.state == MessageState.WAITING else _up_from(question.parent_id, parents)
        shown = [*before, question.pk, coming.message_id]
    found = session.messages.in_bulk(shown)
    return [found[pk] for pk in shown if pk in found]


def _newest(session: Session) -> UUID | None:
    """The tip of a session that has none; a question that waits has no place yet, nor has its answer."""
    placed = session.messages.exclude(role=Role.USER, state=MessageState.WAITING)
    placed = placed.exclude(parent__role=Role.USER, parent__state=MessageState.WAITING)
    return placed.order_by("-id").values_list("id", flat=True).first()


def _up_from(message_id: UUID | None, parents: dict[UUID, UUID | None]) -> list[UUID]:
    """The ids from the root to a message."""
    ids = []
    while message_id is not None:
        ids.append(message_id)
        message_id = parents.get(message_id)
    return ids[::-1]


def entries(messages: Iterable[Message]) -> list[Entry]:
    """The messages, in their order, each with its last run."""
    messages = list(messages)
    answers = [message.pk for message in messages if message.role == Role.ASSISTANT]
    runs = Run.objects.filter(message__in=answers).select_related("model").order_by("id")
    last_run = {run.message_id: run for run in runs}
    shown = [_entry(message, last_run.get(message.pk)) for message in messages]
    keep_html(entry.message for entry in shown)
    return shown


def _entry(message: Message, run: Run | None) -> Entry:
    entry = Entry(message, run, reasoning=message.reasoning)
    if not entry.is_active or run is None:
        return entry
    folded = shown_of(run)
    if folded.final:
        # It ended after the rows were read. Its stream has nothing left to tell, so the page must say how it ended.
        message.refresh_from_db()
        run.refresh_from_db()
        return Entry(message, run, reasoning=message.reasoning)
    is_retrying = folded.retries > 0 and not folded.text and not folded.reasoning
    return Entry(message, run, folded.text, folded.reasoning, folded.last_seq, is_retrying)
