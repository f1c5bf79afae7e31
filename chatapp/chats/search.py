"""Full-text search in what was said and in titles.

The database keeps the index, by itself, so that no way of writing a message can forget it: PostgreSQL a GIN index over
an expression, SQLite an FTS5 table and triggers. Both are made after `migrate` where they are missing (SQLite drops the
triggers with every change of the table, and Django changes a table by making it anew). Words are found by their
beginnings, in any order, all of them in one message or in one title; capitals do not matter, and nothing that is typed
is taken for a query language.
"""

import re

from django.db import connections, transaction
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from django.db.models.expressions import RawSQL

from chatapp.chats.models import Message, Session

INDEXED_CHARACTERS = 100_000  # of a message; a text search vector holds at most 1 MB
MAX_WORDS, MAX_WORD_CHARACTERS = 10, 50  # of a query
MAX_TITLES = 1_000  # sessions found by their titles
# Blanks for PostgreSQL's parser, which would take what they hold together for one word: a host, a path, a number.
PUNCTUATION = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~“”„‘’‚«»‹›–—…·•、。，！？：；（）'

_WORD = re.compile(r"[^\W_]+")

_VECTOR = "to_tsvector('simple', translate(left({column}, {most}), '{marks}', '{blanks}'))"
_POSTGRES_INDEX = "chats_message_words_1"  # another number for another expression

_SQLITE_TEXT = f"substr({{row}}.content, 1, {INDEXED_CHARACTERS})"
_SQLITE_ROW = "(SELECT id FROM chats_search_row WHERE message_id = {row}.id)"
_SQLITE_ADD = f"INSERT INTO chats_search (rowid, content) VALUES ({_SQLITE_ROW}, {_SQLITE_TEXT});".format(row="new")
_SQLITE_DROP = (
    f"INSERT INTO chats_search (chats_search, rowid, content) VALUES ('delete', {_SQLITE_ROW}, {_SQLITE_TEXT});"
).format(row="old")
_SQLITE_TRIGGERS = {
    "chats_search_insert": f"AFTER INSERT ON chats_message BEGIN"
    f" INSERT INTO chats_search_row (message_id) VALUES (new.id); {_SQLITE_ADD} END",
    "chats_search_update": f"AFTER UPDATE OF content ON chats_message BEGIN {_SQLITE_DROP} {_SQLITE_ADD} END",
    "chats_search_delete": f"AFTER DELETE ON chats_message BEGIN {_SQLITE_DROP}"
    " DELETE FROM chats_search_row WHERE message_id = old.id; END",
}
_SQLITE_TABLES = [
    "DROP TABLE IF EXISTS chats_search",
    "DROP TABLE IF EXISTS chats_search_row",
    "CREATE TABLE chats_search_row (id integer PRIMARY KEY, message_id char(32) NOT NULL UNIQUE)",
    "CREATE VIRTUAL TABLE chats_search USING fts5 (content, content='', tokenize='unicode61')",
    "INSERT INTO chats_search_row (message_id) SELECT id FROM chats_message",
    "INSERT INTO chats_search (rowid, content)"
    f" SELECT r.id, {_SQLITE_TEXT.format(row='m')} FROM chats_search_row r JOIN chats_message m ON m.id = r.message_id",
]


def words_of(text: str) -> list[str]:
    """The words that are searched for."""
    return [word[:MAX_WORD_CHARACTERS] for word in _WORD.findall(text)[:MAX_WORDS]]


def found_sessions(sessions: QuerySet[Session], words: list[str]) -> QuerySet[Session]:
    """Those of `sessions` in which a message, or whose title, has all the words."""
    if not words:
        return sessions.none()
    messages = found_messages(Message.objects.filter(session__in=sessions.values("pk")), words)
    return sessions.filter(Q(pk__in=messages.values("session")) | Q(pk__in=_titled(sessions, words)))


def found_messages(messages: QuerySet[Message], words: list[str]) -> QuerySet[Message]:
    """Those of `messages` that have all the words."""
    if connections[messages.db].vendor == "sqlite":
        query = " ".join(f'"{word}"*' for word in words)
        rows = "SELECT message_id FROM chats_search_row r JOIN chats_search s ON s.rowid = r.id"
        return messages.filter(pk__in=RawSQL(f"{rows} WHERE chats_search MATCH %s", [query]))
    query = " & ".join(f"'{word}':*" for word in words)
    return messages.filter(_Matches(F("content"), Value(query)))


class _Matches(Func):
    """Whether a column's words, by the very expression that the index has, match a query."""

    output_field = BooleanField()

    def as_sql(self, compiler, connection, **_):
        column, query = self.source_expressions
        (column_sql, column_params), (query_sql, query_params) = compiler.compile(column), compiler.compile(query)
        vector = _vector(column_sql).replace("%", "%%")
        return f"{vector} @@ to_tsquery('simple', {query_sql})", (*column_params, *query_params)


def pattern(words: list[str]) -> re.Pattern:
    """Finds where the words begin in a text."""
    return re.compile(rf"(?<![^\W_])({'|'.join(sorted(words, key=len, reverse=True))})", re.IGNORECASE)


def _titled(sessions: QuerySet[Session], words: list[str]) -> list:
    """Compared here, and not in the database: SQLite knows capitals of ASCII only."""
    patterns = [pattern([word]) for word in words]
    titled = sessions.exclude(title="").order_by("-active_at").values_list("pk", "title")
    found = [pk for pk, title in titled if all(pattern.search(title) for pattern in patterns)]
    return found[:MAX_TITLES]


def _vector(column: str) -> str:
    marks = PUNCTUATION.replace("'", "''")
    return _VECTOR.format(column=column, most=INDEXED_CHARACTERS, marks=marks, blanks=" " * len(PUNCTUATION))


def ensure_index(using: str, **_: object) -> None:
    """Make the index where it is missing. A receiver of `post_migrate`."""
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        if "chats_message" not in connection.introspection.table_names(cursor):
            return  # migrated back to nothing
        if connection.vendor == "sqlite":
            _ensure_triggers(cursor)
        else:
            cursor.execute(
                f"CREATE INDEX IF NOT EXISTS {_POSTGRES_INDEX} ON chats_message USING gin ({_vector('content')})"
            )


def _ensure_triggers(cursor) -> None:
    """Without all its triggers the index has missed something, and is made anew."""
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'chats_message'")
    there = {name for (name,) in cursor.fetchall()}
    if _SQLITE_TRIGGERS.keys() <= there:
        return
    for name in there & _SQLITE_TRIGGERS.keys():
        cursor.execute(f"DROP TRIGGER {name}")
    for statement in _SQLITE_TABLES:
        cursor.execute(statement)
    for name, body in _SQLITE_TRIGGERS.items():
        cursor.execute(f"CREATE TRIGGER {name} {body}")
