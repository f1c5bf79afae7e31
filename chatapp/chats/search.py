"""Full-text search in messages, their attachments and session titles.

The database maintains the index itself, so no code path can bypass it: GIN indexes over expressions on
PostgreSQL, an FTS5 table with triggers on SQLite. They are created after `migrate` where they are missing (SQLite drops
triggers with their table, and Django alters a table by recreating it). A query matches words by prefix, in any order,
ignoring case; all of them must be in one message with its attachments, or in one title. There is no query syntax.
Text that is written without spaces is found by its parts (`chats.grams`).
"""

import re

from django.db import connections, transaction
from django.db.models import BooleanField, F, Func, Q, QuerySet, TextField, Value
from django.db.models.expressions import RawSQL

from chatapp.chats.grams import postgres as grams_on_postgres
from chatapp.chats.grams import sqlite as grams_on_sqlite
from chatapp.chats.grams.letters import LETTER, LETTERS, is_run
from chatapp.chats.grams.sqlite import text_of
from chatapp.chats.models import Attachment, Message, Session

INDEXED_CHARACTERS = 100_000  # of a message; a text search vector holds at most 1 MB
QUERY_CHARACTERS = 200
MAX_WORDS, MAX_WORD_CHARACTERS = 10, 50  # of a query
MAX_TITLES = 1_000  # sessions found by their titles
# Replaced by blanks for PostgreSQL's parser, which would treat hosts, paths and numbers as single words.
PUNCTUATION = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~“”„‘’‚«»‹›–—…·•、。，！？：；（）'

_WORD = re.compile(rf"{LETTER}+|(?:(?!{LETTER})[^\W_])+")
_BEGINNING = rf"(?:(?<![^\W_])|(?<=[{LETTERS}]))"  # where a word may begin

_MARKS, _BLANKS = PUNCTUATION.replace("'", "''"), " " * len(PUNCTUATION)
_POSTGRES_INDEXES = {  # change the number with the expression
    "chats_message_words_1": ("chats_message", "content"),
    "chats_attachment_words_1": ("chats_attachment", "(name || ' ' || text)"),
}

# A message and its files are one entry: the text deleted must equal the text added.
_SQLITE_TEXT = text_of("{row}")
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
# An earlier version checks the first three by name, and rebuilds the index if one is missing.
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
_SQLITE_MATCH = (
    "SELECT message_id FROM chats_search_row r JOIN chats_search s ON s.rowid = r.id WHERE chats_search MATCH %s"
)


def words_of(text: str) -> list[str]:
    """The words of a query, at most MAX_WORDS."""
    return [word[:MAX_WORD_CHARACTERS] for word in _WORD.findall(text)[:MAX_WORDS]]


def matching_sessions(sessions: QuerySet[Session], words: list[str]) -> QuerySet[Session]:
    """Filter `sessions`: all words are in one message, or in the title."""
    if not words:
        return sessions.none()
    messages = matching_messages(Message.objects.filter(session__in=sessions.values("pk")), words)
    return sessions.filter(Q(pk__in=messages.values("session")) | Q(pk__in=_titled(sessions, words)))


def matching_messages(messages: QuerySet[Message], words: list[str]) -> QuerySet[Message]:
    """Filter `messages`: all words are in the message or its attachments."""
    is_sqlite = connections[messages.db].vendor == "sqlite"
    grams = grams_on_sqlite if is_sqlite else grams_on_postgres
    for run in filter(is_run, words):
        messages = messages.filter(pk__in=RawSQL(*grams.messages_with_run(run)))
    others = [word for word in words if not is_run(word)]
    if not others:
        return messages
    return _matching_on_sqlite(messages, others) if is_sqlite else _matching_on_postgres(messages, others)


def _matching_on_sqlite(messages: QuerySet[Message], words: list[str]) -> QuerySet[Message]:
    query = " ".join(f'"{word}"*' for word in words)
    mixed, parameters = grams_on_sqlite.messages_with_words(words, _SQLITE_MATCH)
    return messages.filter(pk__in=RawSQL(f"{_SQLITE_MATCH} UNION {mixed}", [query, *parameters]))


def _matching_on_postgres(messages: QuerySet[Message], words: list[str]) -> QuerySet[Message]:
    """Content and attachments have one index each. Few messages have attachments, so only those are matched by word."""
    prefixes = [f"'{word}':*" for word in words]
    mixed = messages.filter(pk__in=RawSQL(*grams_on_postgres.messages_with_words(" & ".join(prefixes), _vector)))
    in_words = messages.filter(_Matches(F("content"), Value(" & ".join(prefixes))))
    with_files = messages.filter(pk__in=_in_files(" | ".join(prefixes)))
    for prefix in prefixes:
        with_files = with_files.filter(Q(_Matches(F("content"), Value(prefix))) | Q(pk__in=_in_files(prefix)))
    return Message.objects.filter(pk__in=in_words.values("pk").union(with_files.values("pk"), mixed.values("pk")))


def _in_files(query: str) -> QuerySet:
    """Ids of messages with a matching attachment."""
    return Attachment.objects.filter(_Matches(_FileText(F("name"), F("text")), Value(query))).values("message")


class _FileText(Func):
    """An attachment's name and text: exactly the expression in `_POSTGRES_INDEXES`."""

    template = "(%(expressions)s)"
    arg_joiner = " || ' ' || "
    output_field = TextField()


class _Matches(Func):
    """Whether a column matches a query, as the indexed expression."""

    output_field = BooleanField()

    def as_sql(self, compiler, connection, **_):
        column, query = self.source_expressions
        (column_sql, column_params), (query_sql, query_params) = compiler.compile(column), compiler.compile(query)
        vector = _vector(column_sql).replace("%", "%%")
        return f"{vector} @@ to_tsquery('simple', {query_sql})", (*column_params, *query_params)


def pattern(words: list[str]) -> re.Pattern:
    """A pattern that matches what a query finds in a text: beginnings of words, and runs of letters anywhere."""
    parts = [word if is_run(word) else f"{_BEGINNING}{word}" for word in sorted(words, key=len, reverse=True)]
    return re.compile(f"({'|'.join(parts)})", re.IGNORECASE)


def _titled(sessions: QuerySet[Session], words: list[str]) -> list:
    """Compares in Python: SQLite folds case for ASCII only."""
    patterns = [pattern([word]) for word in words]
    titled = sessions.exclude(title="").order_by("-active_at").values_list("pk", "title")
    ids = [pk for pk, title in titled if all(pattern.search(title) for pattern in patterns)]
    return ids[:MAX_TITLES]


def _vector(column: str) -> str:
    return f"to_tsvector('simple', translate(left({column}, {INDEXED_CHARACTERS}), '{_MARKS}', '{_BLANKS}'))"


def ensure_index(using: str, **_: object) -> None:
    """Create the indexes where they are missing. Receiver of `post_migrate`."""
    connection = connections[using]
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    if not {"chats_message", "chats_attachment"} <= set(tables):
        return  # migrated back
    if connection.vendor == "sqlite":
        _ensure_on_sqlite(using)
    else:
        _ensure_on_postgres(using)


def _ensure_on_sqlite(using: str) -> None:
    with transaction.atomic(using), connections[using].cursor() as cursor:
        there = _triggers(cursor)
        _ensure_triggers(cursor, {name: body for name, body in there.items() if name not in grams_on_sqlite.TRIGGERS})
    grams_on_sqlite.ensure_grams(using, there)


def _ensure_on_postgres(using: str) -> None:
    with transaction.atomic(using), connections[using].cursor() as cursor:
        for name, (table, column) in _POSTGRES_INDEXES.items():
            cursor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table} USING gin ({_vector(column)})")
    grams_on_postgres.ensure_grams(using, _vector)


def drop_triggers(using: str, plan: list[tuple], **_: object) -> None:
    """Drop SQLite's triggers before their tables may change. Receiver of `pre_migrate`; `ensure_index` restores them.

    SQLite refuses to rename a table while a trigger of another table has a dangling reference.
    """
    connection = connections[using]
    if connection.vendor != "sqlite" or not any(migration.app_label == "chats" for migration, _ in plan):
        return
    with transaction.atomic(using), connection.cursor() as cursor:
        for name in _triggers(cursor):
            cursor.execute(f"DROP TRIGGER {name}")


def _triggers(cursor) -> dict[str, str]:
    """Existing triggers of the index: name -> statement."""
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'chats_search_%'")
    return dict(cursor.fetchall())


def _ensure_triggers(cursor, there: dict[str, str]) -> None:
    """Rebuild the index unless all its triggers exist exactly as defined here: otherwise it has missed writes."""
    expected = {name: f"CREATE TRIGGER {name} {body}" for name, body in _SQLITE_TRIGGERS.items()}
    if there == expected:
        return
    for name in there:
        cursor.execute(f"DROP TRIGGER {name}")
    for statement in (*_SQLITE_TABLES, *expected.values()):
        cursor.execute(statement)
