"""What of a chat goes to the model with a question: its branch, walked from the end, as far as the limits reach.

One query looks at lengths only, so that neither other branches nor what is left out is ever read.
"""

from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from chatapp.chats.models import Message, Role

_KEY = Message._meta.pk  # how a message's id is written in a query, which databases differ in
BLOCK_CHARACTERS = 20  # around a file's text, beside its name

_LENGTH = """LENGTH(m.content) + COALESCE(
    (SELECT SUM(LENGTH(a.text) + LENGTH(a.name) + %s) FROM chats_attachment a WHERE a.message_id = m.id), 0)"""
_BACKWARDS = f"""WITH RECURSIVE path (id, parent_id, role, place, total) AS (
    SELECT m.id, m.parent_id, m.role, 1, {_LENGTH} FROM chats_message m WHERE m.id = %s
    UNION ALL
    SELECT m.id, m.parent_id, m.role, p.place + 1, p.total + {_LENGTH}
    FROM path p JOIN chats_message m ON m.id = p.parent_id WHERE p.place < %s AND p.total <= %s
) SELECT id, parent_id, role, total FROM path ORDER BY place"""
_COUNT = """WITH RECURSIVE path (id, parent_id) AS (
    SELECT m.id, m.parent_id FROM chats_message m WHERE m.id = %s
    UNION ALL SELECT m.id, m.parent_id FROM path p JOIN chats_message m ON m.id = p.parent_id
) SELECT COUNT(*) FROM path"""


class Context(NamedTuple):
    ids: list[UUID]  # of messages, the oldest first
    left_out: int  # messages before them


def context_of(message_id: UUID | None, taken: int = 0) -> Context:
    """The messages that lead to this one, itself included; `taken` characters go elsewhere.

    The oldest exchanges are left out whole, so that what is sent begins with a question. The last message is sent
    whatever its length: its own limit is PROMPT_MAX_CHARACTERS.
    """
    if message_id is None:
        return Context([], 0)
    budget = settings.CONTEXT_MAX_CHARACTERS - taken
    limits = (settings.CONTEXT_MAX_MESSAGES + 1, budget)  # one more than is sent, to see that there is one
    with connection.cursor() as cursor:
        start = _KEY.get_db_prep_value(message_id, connection)
        cursor.execute(_BACKWARDS, (BLOCK_CHARACTERS, start, BLOCK_CHARACTERS, *limits))
        rows = cursor.fetchall()
    kept = [row for place, row in enumerate(rows) if place == 0 or _fits(place, row[3], budget)]
    if len(kept) < len(rows):
        while len(kept) > 1 and kept[-1][2] != Role.USER:
            kept.pop()
    before = kept[-1][1] if kept else None
    return Context([_KEY.to_python(row[0]) for row in reversed(kept)], _count(before) if before else 0)


def _fits(place: int, total: int, budget: int) -> bool:
    return place < settings.CONTEXT_MAX_MESSAGES and total <= budget


def _count(key: object) -> int:
    """How many messages lead to this one, itself included; `key` as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, (key,))
        return cursor.fetchone()[0]
