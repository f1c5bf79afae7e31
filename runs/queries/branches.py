"""Which messages of a session are shown: one branch of its tree, and the answer whose turn has just come."""

from uuid import UUID

from chatapp.chats.models import Message, MessageState, Role, Session
from chatapp.chats.tree import Tree
from runs.states import Status


def path(session: Session) -> list[Message]:
    """All messages that are shown, in order."""
    return load(session, shown_ids(session)[0])


def load(session: Session, ids: list[UUID]) -> list[Message]:
    messages = session.messages.prefetch_related("attachments").in_bulk(ids)
    return [messages[pk] for pk in ids if pk in messages]


def shown_ids(session: Session) -> tuple[list[UUID], Tree]:
    """The ids of what is shown: from the root to the tip, and the answer whose turn has just come; and the tree.

    That one gets its place in the tree when a worker begins it; until then it is shown where it will stand. It is
    looked for before the tip is read: one that is begun in between is then seen on the way to the new tip.
    """
    coming = session.runs.under_way().filter(status=Status.QUEUED).select_related("message__parent").first()
    tip = Session.objects.filter(pk=session.pk).values_list("tip", flat=True).first() or _newest(session)
    tree = Tree(session)
    shown = tree.path_to(tip)
    if coming and coming.message_id not in shown:
        question = coming.message.parent
        before = shown if question.state == MessageState.WAITING else tree.path_to(question.parent_id)
        shown = [*before, question.pk, coming.message_id]
    return shown, tree


def _newest(session: Session) -> UUID | None:
    """The tip of a session that has none; a question that waits has no place yet, nor has its answer."""
    placed = session.messages.exclude(role=Role.USER, state=MessageState.WAITING)
    placed = placed.exclude(parent__role=Role.USER, parent__state=MessageState.WAITING)
    return placed.order_by("-id").values_list("id", flat=True).first()
