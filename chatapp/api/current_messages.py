"""Messages as the API shows them: active answers with their current text."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import prefetch_related_objects

from chatapp.chats.models import Attachment, Message, Role, Session
from chatapp.chats.tree import Tree
from runs.models import Run
from runs.queries.answers import answer_now
from runs.queries.branches import shown_ids


@dataclass(frozen=True)
class CurrentMessage:
    """A message with its text so far. `run_id` is the last run that wrote it; follow it after `last_seq`."""

    id: UUID
    session_id: UUID
    parent_id: UUID | None
    role: str
    content: str
    attachments: list[Attachment]
    reasoning: str
    tools: list[dict[str, Any]]
    sources: list[dict[str, str]]
    state: str
    run_id: UUID | None
    last_seq: int | None
    created_at: datetime
    siblings: list[UUID]

    @classmethod
    def of(cls, message: Message, run: Run | None = None, tree: Tree | None = None) -> "CurrentMessage":
        answer = answer_now(message, run) if run else None  # refreshes the message if the run has just ended
        return cls(
            id=message.pk,
            session_id=message.session_id,
            parent_id=message.parent_id,
            role=message.role,
            content=answer.text if answer else message.content,
            attachments=list(message.attachments.all()),
            reasoning=answer.reasoning if answer else message.reasoning,
            tools=answer.tools if answer else message.tools,
            sources=answer.sources if answer else [],
            state=message.state,
            run_id=run.pk if run else None,
            last_seq=answer.last_seq if answer else None,
            created_at=message.created_at,
            siblings=tree.versions(message.pk) if tree else [],
        )


def current_messages(messages: Iterable[Message], tree: Tree | None = None) -> list[CurrentMessage]:
    """The messages with their current text; with their alternatives if `tree` is their session's."""
    messages = list(messages)
    prefetch_related_objects(messages, "attachments")
    answers = [message.pk for message in messages if message.role == Role.ASSISTANT]
    runs = {run.message_id: run for run in Run.objects.filter(message__in=answers).order_by("id")}
    return [CurrentMessage.of(message, runs.get(message.pk), tree) for message in messages]


def branch_of(session: Session, leaf: UUID | None = None) -> tuple[list[UUID], Tree]:
    """The ids from the root to `leaf`, by default the session's visible or next answer; and the tree."""
    if leaf is None:
        return shown_ids(session)
    tree = Tree(session)
    return tree.path_to(leaf), tree
