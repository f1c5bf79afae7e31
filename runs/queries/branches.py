"""The visible messages of a session: one branch of its tree, and an answer that waits for a worker."""

from collections.abc import Iterable
from uuid import UUID

from chatapp.chats.models import Message, MessageState, Role, Session
from chatapp.chats.tree import Tree
from runs.models import Run
from runs.states import Status


def path(session: Session) -> list[Message]:
    """All visible messages, in order."""
    return load(session, shown_ids(session)[0])


def load(session: Session, ids: list[UUID]) -> list[Message]:
    messages = session.messages.prefetch_related("attachments").in_bulk(ids)
    return [messages[pk] for pk in ids if pk in messages]


def shown_ids(session: Session, active: Iterable[Run] | None = None) -> tuple[list[UUID], Tree]:
    """The ids of the visible messages, from the root to the tip and the answer that waits for a worker; and the tree.

    That answer is attached to its branch when a worker claims its run; until then it is shown at its future position.
    It is read before the tip: if its run is claimed in between, it is found on the path to the new tip. `active`: the
    session's active runs with their messages and questions, if they have been read already.
    """
    if active is None:
        active = session.runs.dispatched().select_related("message__parent")
    dispatched = next((run for run in active if run.status == Status.QUEUED and run.task_id), None)
    tree = Tree(session)
    ids = tree.path_to(tree.tip or _newest(session))
    if dispatched and dispatched.message_id not in ids:
        question = dispatched.message.parent
        before = ids if question.state == MessageState.WAITING else tree.path_to(question.parent_id)
        ids = [*before, question.pk, dispatched.message_id]
    return ids, tree


def _newest(session: Session) -> UUID | None:
    """The newest message of a session without a tip, but no queued question or its answer: they are on no branch."""
    attached = session.messages.exclude(role=Role.USER, state=MessageState.WAITING)
    attached = attached.exclude(parent__role=Role.USER, parent__state=MessageState.WAITING)
    return attached.order_by("-id").values_list("id", flat=True).first()
