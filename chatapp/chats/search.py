"""Full-text search in what was said, in the files that went with it, and in titles.

The database keeps the index, by itself, so that no way of writing a message can forget it: PostgreSQL GIN indexes over
expressions, SQLite an FTS5 table and triggers. They are made after `migrate` where they are missing (SQLite drops the
triggers with every change of the table, and Django changes a table by making it anew). Words are found by their
beginnings, in any order, all of them in one message with its files or in one title; capitals do not matter, and nothing
that is typed is taken for a query language.
"""

import re

from django.db import connections, transaction
from django.db.models import BooleanField, F, Func, Q, QuerySet, TextField, Value
from django.db.models.expressions import RawSQL

from chatapp.chats.models import Attachment, Message, Session

INDEXED_CHARACTERS = 100_000  # of a message; a text search vector holds at most 1 MB
MAX_WORDS, MAX_WORD_CHARACTERS = 10, 50  # of a query
MAX_TITLES = 1_000  # sessions found by their titles
# Blanks for PostgreSQL's parser, which would take what they hold together for one word: a host, a path, a number.
PUNCTUATION = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~“”„‘’‚«»‹›–—…·•、。，！？：；（）'

_WORD = re.compile(r"[^\W_]+")

_VECTOR = "to_tsvector('simple', translate(left({column}, {most}), '{marks}', '{blanks}'))"
_POSTGRES_INDEXES = {  # another number for another expression
    "chats_message_words_1": ("chats_message", "content"),
    "chats_attachment_words_1": ("chats_attachment", "(name || ' ' || text)"),
}

# A message's words and its files are one entry, always in the same order: what is deleted has to be what was added.
_SQLITE_TEXT = (
    "substr({row}.content || (SELECT coalesce(group_concat(' ' || name || ' ' || text, ''), '') FROM"
    " (SELECT name, text FROM chats_attachment WHERE message_id = {row}.id ORDER BY position)),"
    f" 1, {INDEXED_CHARACTERS})"
)
_SQLITE_ROW = "(SELECT id FROM chats_search_row WHERE message_id = {row}.id)"
_SQLITE_ADD = f"INSERT INTO chats_search (rowid, content) VALUES ({_SQLITE_ROW}, {_SQLITE_TEXT});".format(row="new")
_SQLITE_DROP = (
    f"INSERT INTO chats_search (chats_search, rowid, content) VALUES ('delete', {_SQLITE_ROW}, {_SQLITE_TEXT});"
).format(row="old")
_SQLITE_ALL = (
    f"r.id, {_SQLITE_TEXT.format(row='m')} FROM chats_search_row r JOIN chats_message m ON m.id = r.message_id"
)
_SQLITE_ADD_OF = f"INSERT INTO chats_search (rowid, content) SELECT {_SQLITE_ALL} WHERE m.id = {{row}}.message_id;"
_SQLITE_DROP_OF = (
    f"INSERT INTO chats_search (chats_search, rowid, content) SELECT 'delete', {_SQLITE_ALL}"
    " WHERE m.id = {row}.message_id;"
)
# An earlier version looks for the first three by their names, and makes the index anew where one is missing.
_SQLITE_TRIGGERS = {
    "chats_search_insert": f"AFTER INSERT ON chats_message BEGIN"
    f" INSERT INTO chats_search_row (message_id) VALUES (new.id); {_SQLITE_ADD} END",
    "chats_search_update": f"AFTER UPDATE OF content ON chats_message BEGIN {_SQLITE_DROP} {_SQLITE_ADD} END",
    "chats_search_delete": f"AFTER DELETE ON chats_message BEGIN {_SQLITE_DROP}"
    " DELETE FROM chats_search_row WHERE message_id = old.id; END",
} | {
    f"chats_search_file_{when.lower()}_{what.lower()}": f"{when} {what} ON chats_attachment BEGIN {statement} END"
    for what, before, after in (("INSERT", "new", "new"), ("UPDATE", "old", "new"), ("DELETE", "old", "old"))
    for when, statement in (
        ("BEFORE", _SQLITE_DROP_OF.format(row=before)),
        ("AFTER", _SQLITE_ADD_OF.format(row=after)),
    )
}
_SQLITE_TABLES = [
    "DROP TABLE IF EXISTS chats_search",
    "DROP TABLE IF EXISTS chats_search_row",
    "CREATE TABLE chats_search_row (id integer PRIMARY KEY, message_id char(32) NOT NULL UNIQUE)",
    "CREATE VIRTUAL TABLE chats_search USING fts5 (content, content='', tokenize='unicode61')",
    "INSERT INTO chats_search_row (message_id) SELECT id FROM chats_message",
    f"INSERT INTO chats_search (rowid, content) SELECT {_SQLITE_ALL}",
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
    return _found_by_postgres(messages, [f"'{word}':*" for word in words])


def _found_by_postgres(messages: QuerySet[Message], prefixes: list[str]) -> QuerySet[Message]:
    """Words and files have an index each. Few messages have files, so that only these are looked at word by word."""
    in_words = messages.filter(_Matches(F("content"), Value(" & ".join(prefixes))))
    with_files = messages.filter(pk__in=_in_files(" | ".join(prefixes)))
    for prefix in prefixes:
        with_files = with_files.filter(Q(_Matches(F("content"), Value(prefix))) | Q(pk__in=_in_files(prefix)))
    return Message.objects.filter(pk__in=in_words.values("pk").union(with_files.values("pk")))


def _in_files(query: str) -> QuerySet:
    """The ids of the messages of whose files one matches."""
    return Attachment.objects.filter(_Matches(_FileText(F("name"), F("text")), Value(query))).values("message")


class _FileText(Func):
    """A file's name and its text, as `_POSTGRES_INDEXES` has them."""

    template = "(%(expressions)s)"
    arg_joiner = " || ' ' || "
    output_field = TextField()


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
        tables = connection.introspection.table_names(cursor)
        if not {"chats_message", "chats_attachment"} <= set(tables):
            return  # migrated back
        if connection.vendor == "sqlite":
            _ensure_triggers(cursor)
            return
        for name, (table, column) in _POSTGRES_INDEXES.items():
            cursor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table} USING gin ({_vector(column)})")


def drop_triggers(using: str, plan: list[tuple], **_: object) -> None:
    """Before a table of theirs may change. A receiver of `pre_migrate`; after it the index is made anew.

    SQLite renames no table as long as a trigger of another one names what is gone at that moment.
    """
    connection = connections[using]
    if connection.vendor != "sqlite" or not any(migration.app_label == "chats" for migration, _ in plan):
        return
    with transaction.atomic(using), connection.cursor() as cursor:
        for name in _triggers(cursor):
            cursor.execute(f"DROP TRIGGER {name}")


def _triggers(cursor) -> dict[str, str]:
    """The index's triggers that there are, with their statements."""
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'chats_search_%'")
    return dict(cursor.fetchall())


def _ensure_triggers(cursor) -> None:
    """Without all its triggers, as they are now, the index has missed something, and is made anew."""
    there = _triggers(cursor)
    wanted = {name: f"CREATE TRIGGER {name} {body}" for name, body in _SQLITE_TRIGGERS.items()}
    if there == wanted:
        return
    for name in there:
        cursor.execute(f"DROP TRIGGER {name}")
    for statement in (*_SQLITE_TABLES, *wanted.values()):
        cursor.execute(statement)
