"""What a page shows of a session's messages: final ones as HTML, those being written as the text so far.

An answer that is being written carries the seq its text reaches to. The browser follows the stream after that, on the
first view and after a reload alike (B33).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chatapp.chats.actions import FINAL, keep_html
from chatapp.chats.models import Message, MessageState, Role
from runs.answers import shown as shown_of
from runs.lifecycle import LOST_MESSAGES
from runs.models import Run
from runs.states import LostReason

FIRST_SEQ = 1  # run.queued; whatever follows says that a worker has begun


@dataclass
class Entry:
    """A message as it is shown. `text` and `seq` belong to an answer that is being written."""

    message: Message
    run: Run | None = None
    text: str = ""
    reasoning: str = ""
    seq: int = 0

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
        return self.run is not None and self.run.finish_reason == "length"


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
    return Entry(message, run, folded.text, folded.reasoning, folded.last_seq)
