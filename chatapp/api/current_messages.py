"""Messages with the current text of active answers."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import prefetch_related_objects

from chatapp.chats.models import Message, Role, Session
from chatapp.chats.tree import Tree
from runs.models import Run
from runs.queries.answers import answer_now
from runs.queries.branches import shown_ids


def with_current_text(messages: Iterable[Message]) -> list[Message]:
    """The messages with their last run (`run_id`) and their text so far (`last_seq`: follow after it)."""
    messages = list(messages)
    prefetch_related_objects(messages, "attachments")
    answers = [message.pk for message in messages if message.role == Role.ASSISTANT]
    runs = {run.message_id: run for run in Run.objects.filter(message__in=answers).order_by("id")}
    for message in messages:
        message.run_id, message.last_seq = None, None
        if run := runs.get(message.pk):
            _add_run(message, run)
    return messages


def _add_run(message: Message, run: Run) -> None:
    answer = answer_now(message, run)
    message.run_id, message.last_seq = run.pk, answer.last_seq
    message.content, message.reasoning, message.tools = answer.text, answer.reasoning, answer.tools


def branch_of(session: Session, leaf: UUID | None = None) -> tuple[list[UUID], Tree]:
    """The ids from the root to `leaf`, by default the session's visible or next answer; and the tree."""
    if leaf is None:
        return shown_ids(session)
    tree = Tree(session)
    return tree.path_to(leaf), tree
