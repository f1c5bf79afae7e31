"""Messages as they are now: an answer that is being written with what there is of it."""

from collections.abc import Iterable
from uuid import UUID

from chatapp.chats.models import Message, MessageState, Role, Session
from chatapp.chats.tree import Tree
from runs.answers import shown
from runs.lifecycle import under_way
from runs.models import Run
from runs.states import Status

ACTIVE = (MessageState.WAITING, MessageState.ANSWERING)


def as_they_are(messages: Iterable[Message]) -> list[Message]:
    """The messages with their last run (`run_id`), and what their answers say so far (`last_seq`: follow after it)."""
    messages = list(messages)
    answers = [message.pk for message in messages if message.role == Role.ASSISTANT]
    runs = {run.message_id: run for run in Run.objects.filter(message__in=answers).order_by("id")}
    for message in messages:
        message.run_id, message.last_seq = None, None
        if run := runs.get(message.pk):
            _add_run(message, run)
    return messages


def _add_run(message: Message, run: Run) -> None:
    message.run_id, message.last_seq = run.pk, run.last_seq
    if message.state not in ACTIVE:
        return
    folded = shown(run)
    if folded.final:  # it ended after the rows were read
        message.refresh_from_db()
    message.last_seq = folded.last_seq
    message.content, message.reasoning, message.tools = folded.text, folded.reasoning, folded.tools


def branch_of(session: Session, leaf: UUID | None = None) -> list[UUID]:
    """The ids from the root to `leaf`; without one to what the session shows last, or is about to write.

    An answer gets its place in the tree when a worker begins it; until then it is told where it will stand.
    """
    tree = Tree(session)
    if leaf is not None:
        return tree.path_to(leaf)
    coming = under_way(session.pk).filter(status=Status.QUEUED).select_related("message__parent").first()
    shown_ids = tree.path_to(Session.objects.values_list("tip", flat=True).get(pk=session.pk))
    if coming is None or coming.message_id in shown_ids:
        return shown_ids
    question = coming.message.parent
    before = shown_ids if question.state == MessageState.WAITING else tree.path_to(question.parent_id)
    return [*before, question.pk, coming.message_id]


def in_order(session: Session, ids: list[UUID]) -> list[Message]:
    found = session.messages.in_bulk(ids)
    return as_they_are(found[pk] for pk in ids if pk in found)
