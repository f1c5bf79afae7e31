"""The messages sent to the model with a question: its branch, as far back as the limits allow."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from chatapp.chats.models import Role
from chatapp.chats.walk_back import Chain, key_of, uuid_of

BLOCK_CHARACTERS = 20  # around a file's text, beside its name

_MESSAGES = Chain(
    table="chats_message m",
    id="m.id",
    previous="m.parent_id",
    kind="m.role",
    length=f"""LENGTH(m.content) + COALESCE((SELECT SUM(LENGTH(a.text) + LENGTH(a.name) + {BLOCK_CHARACTERS})
        FROM chats_attachment a WHERE a.message_id = m.id), 0)""",
)
_BEFORE = """WITH RECURSIVE path (id, parent_id) AS (
    SELECT m.id, m.parent_id FROM chats_message m WHERE m.id = %s
    UNION ALL SELECT m.id, m.parent_id FROM path p JOIN chats_message m ON m.id = p.parent_id
) SELECT (SELECT COUNT(*) FROM path), id FROM path
WHERE parent_id IS NULL OR parent_id IN (SELECT id FROM path WHERE parent_id IS NULL) ORDER BY parent_id IS NOT NULL"""


class Context(NamedTuple):
    ids: list[UUID]  # of messages, oldest first
    left_out: int  # messages before them
    first: Sequence[UUID] = ()  # the root, and the message after it, if they are among those


def context_of(message_id: UUID | None, reserved: int = 0, most_characters: int | None = None) -> Context:
    """The messages from the root to this one, itself included; `reserved` characters of the limit are used elsewhere.

    `most_characters` is a lower limit than CONTEXT_MAX_CHARACTERS. Only whole exchanges are left out, oldest first, so
    that the context begins with a question. The last message is always sent: its own limit is PROMPT_MAX_CHARACTERS.
    """
    if message_id is None:
        return Context([], 0)
    budget = min(settings.CONTEXT_MAX_CHARACTERS, most_characters or settings.CONTEXT_MAX_CHARACTERS) - reserved
    # One more than is sent, to see whether there are more.
    steps = _MESSAGES.walk_back(message_id, settings.CONTEXT_MAX_MESSAGES + 1, budget)
    kept = [step for index, step in enumerate(steps) if index == 0 or _fits(index, step.total, budget)]
    if len(kept) < len(steps):
        while len(kept) > 1 and kept[-1].kind != Role.USER:
            kept.pop()
    before = kept[-1].previous if kept else None
    ids = [step.id for step in reversed(kept)]
    return Context(ids, *_before(before)) if before else Context(ids, 0)


def _fits(index: int, total: int, budget: int) -> bool:
    return index < settings.CONTEXT_MAX_MESSAGES and total <= budget


def _before(message_id: UUID) -> tuple[int, list[UUID]]:
    """The number of messages from the root to this one, itself included, and the first two of them."""
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, (key_of(message_id),))
        rows = cursor.fetchall()
    return rows[0][0], [uuid_of(key) for _count, key in rows]
