"""Walk a chain of rows backwards, as far as limits allow, in one query that reads lengths but no text.

Never reads other branches, or rows beyond the limits.
"""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import connection, models

_KEY = models.UUIDField()  # databases differ in how they write ids in a query


class Step(NamedTuple):
    id: UUID
    previous: UUID | None
    kind: str
    total: int  # characters of this row and those after it


@dataclass(frozen=True)
class Chain:
    """Rows that each refer to their predecessor. All fields are SQL."""

    table: str  # with an alias
    id: str
    previous: str
    length: str  # characters of a row
    kind: str = "''"
    joins: str = ""

    def walk_back(self, start: UUID, most_rows: int, most_characters: int) -> list[Step]:
        """The row `start` and its predecessors: at most `most_rows`, up to the first that exceeds `most_characters`."""
        query = f"""WITH RECURSIVE path (id, previous, kind, position, total) AS (
            SELECT {self.id}, {self.previous}, {self.kind}, 1, {self.length}
            FROM {self.table} {self.joins} WHERE {self.id} = %s
            UNION ALL
            SELECT {self.id}, {self.previous}, {self.kind}, p.position + 1, p.total + {self.length}
            FROM path p JOIN {self.table} ON {self.id} = p.previous {self.joins} WHERE p.position < %s AND p.total <= %s
        ) SELECT id, previous, kind, total FROM path ORDER BY position"""
        with connection.cursor() as cursor:
            cursor.execute(query, (key_of(start), most_rows, most_characters))
            rows = cursor.fetchall()
        return [Step(_KEY.to_python(pk), _KEY.to_python(previous), kind, total) for pk, previous, kind, total in rows]


def key_of(pk: UUID) -> object:
    """An id as the database stores it."""
    return _KEY.get_db_prep_value(pk, connection)


def uuid_of(key: object) -> UUID:
    """The id that the database has stored as `key`."""
    return _KEY.to_python(key)
