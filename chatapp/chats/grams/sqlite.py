"""SQLite's index of parts of text: an FTS5 table of trigrams, which triggers maintain.

A run of one or two letters is the beginning of a trigram. So that this holds for the last letters of a text too, two
spaces are indexed after it. Messages of an earlier version are indexed in batches, each in a transaction of its own.
"""

from django.db import connections, transaction

from chatapp.chats.grams.letters import LETTER, LETTERS

INDEXED_CHARACTERS = 100_000  # of a message with its files
BATCH_MESSAGES = 500  # existing messages, indexed in one transaction

SHORT = 2  # letters that are no trigram yet
_LAST = "\U0010ffff"  # sorts after every letter
_MAY_BE_LETTER = "[\u0e00-\u1fff\u231a-\U0010ffff]"  # what is soon ruled out: a range costs 10 ns a character
_IS_MIXED = f"GLOB '*[{LETTERS}][0-9A-Za-z\u00c0-\u052f]*'"  # another word begins after such a letter


def text_of(row: str) -> str:
    """The indexed text of a message: it and its files are one entry, always in the same order."""
    return (
        f"substr({row}.content || (SELECT coalesce(group_concat(' ' || name || ' ' || text, ''), '') FROM"
        f" (SELECT name, text FROM chats_attachment WHERE message_id = {row}.id ORDER BY position)),"
        f" 1, {INDEXED_CHARACTERS})"
    )


def _has_letter(text: str) -> str:
    """Whether a text has such a letter; most texts have none, and many are ASCII."""
    is_ascii = f"length(CAST({text} AS BLOB)) = length({text})"
    return f"NOT ({is_ascii}) AND {text} GLOB '*{_MAY_BE_LETTER}*' AND {text} GLOB '*{LETTER}*'"


def _add(where: str, rows: str) -> list[str]:
    """Index the messages `m` where a condition holds; `rows`: the same condition for rows `r` of the index."""
    return [
        f"INSERT INTO chats_grams_row (message_id, is_mixed) SELECT m.id, {text_of('m')} {_IS_MIXED}"
        f" FROM chats_message m WHERE {where} AND {_has_letter(text_of('m'))}",
        f"INSERT INTO chats_grams (rowid, content) SELECT r.id, {text_of('m')} || '  '"
        f" FROM chats_grams_row r JOIN chats_message m ON m.id = r.message_id WHERE {rows}",
    ]


def _drop(message: str, row: str) -> list[str]:
    """Drop a message from the index. The text deleted must equal the text added; `row` is what has it."""
    join = "" if row == "old" else f" JOIN chats_message {row} ON {row}.id = r.message_id"
    return [
        f"INSERT INTO chats_grams (chats_grams, rowid, content) SELECT 'delete', r.id, {text_of(row)} || '  '"
        f" FROM chats_grams_row r{join} WHERE r.message_id = {message}",
        f"DELETE FROM chats_grams_row WHERE message_id = {message}",
    ]


def _add_one(message: str) -> list[str]:
    return _add(f"m.id = {message}", f"r.message_id = {message}")


def _trigger(event: str, statements: list[str]) -> str:
    return f"{event} BEGIN {'; '.join(statements)}; END"


# An earlier version drops triggers with names that begin like this before it changes their tables.
TRIGGERS = {
    "chats_search_grams_insert": _trigger("AFTER INSERT ON chats_message", _add_one("new.id")),
    "chats_search_grams_update": _trigger(
        "AFTER UPDATE OF content ON chats_message", [*_drop("old.id", "old"), *_add_one("new.id")]
    ),
    "chats_search_grams_delete": _trigger("AFTER DELETE ON chats_message", _drop("old.id", "old")),
} | {
    f"chats_search_grams_file_{when.lower()}_{what.lower()}": _trigger(f"{when} {what} ON chats_attachment", statements)
    for what, before, after in (("INSERT", "new", "new"), ("UPDATE", "old", "new"), ("DELETE", "old", "old"))
    for when, statements in (
        ("BEFORE", _drop(f"{before}.message_id", "m")),
        ("AFTER", _add_one(f"{after}.message_id")),
    )
}
_TABLES = [
    "DROP TABLE IF EXISTS chats_grams_terms",
    "DROP TABLE IF EXISTS chats_grams",
    "DROP TABLE IF EXISTS chats_grams_row",
    "DROP TABLE IF EXISTS chats_grams_due",
    "CREATE TABLE chats_grams_row"
    " (id integer PRIMARY KEY, message_id char(32) NOT NULL UNIQUE, is_mixed bool NOT NULL)",
    "CREATE INDEX chats_grams_mixed ON chats_grams_row (id) WHERE is_mixed",
    "CREATE VIRTUAL TABLE chats_grams USING fts5 (content, content='', tokenize='trigram')",
    "CREATE VIRTUAL TABLE chats_grams_terms USING fts5vocab (chats_grams, instance)",
    "CREATE TABLE chats_grams_due (after char(32) NOT NULL)",  # it has a row while existing messages are to be indexed
    "INSERT INTO chats_grams_due VALUES ('')",
]


def ensure_grams(using: str, there: dict[str, str]) -> None:
    """Create the index unless all its triggers exist as defined here (`there`: name -> statement), and complete it."""
    wanted = {name: f"CREATE TRIGGER {name} {body}" for name, body in TRIGGERS.items()}
    if {name: body for name, body in there.items() if name in wanted} != wanted:
        with transaction.atomic(using), connections[using].cursor() as cursor:
            for name in wanted.keys() & there.keys():
                cursor.execute(f"DROP TRIGGER {name}")
            for statement in (*_TABLES, *wanted.values()):
                cursor.execute(statement)
    while _index_batch(using):
        pass


def _index_batch(using: str) -> bool:
    """Index the next messages that are older than the index. Whether there may be more."""
    with transaction.atomic(using), connections[using].cursor() as cursor:
        cursor.execute("SELECT after FROM chats_grams_due")
        if (due := cursor.fetchone()) is None:
            return False
        batch = "SELECT id FROM chats_message WHERE id > %s ORDER BY id LIMIT %s"
        cursor.execute(f"SELECT max(id) FROM ({batch})", [due[0], BATCH_MESSAGES])
        (last,) = cursor.fetchone()
        if last is None:
            cursor.execute("DELETE FROM chats_grams_due")
            return False
        new = "m.id > %s AND m.id <= %s AND m.id NOT IN (SELECT message_id FROM chats_grams_row)"
        cursor.execute("SELECT coalesce(max(id), 0) FROM chats_grams_row")
        (before,) = cursor.fetchone()
        add_rows, add_text = _add(new, "r.id > %s")
        cursor.execute(add_rows, [due[0], last])
        cursor.execute(add_text, [before])
        cursor.execute("UPDATE chats_grams_due SET after = %s", [last])
        return True


def messages_with_run(run: str) -> tuple[str, list[str]]:
    """SQL and parameters: ids of messages with a run of letters."""
    rows, parameters = _rows_with(run)
    return f"SELECT message_id FROM chats_grams_row WHERE id IN ({rows})", parameters


def messages_with_words(words: list[str], messages_with_word: str) -> tuple[str, list[str]]:
    """SQL and parameters: ids of messages in which words begin right after such a letter, or anywhere.

    `messages_with_word`: SQL of the ids of messages with a word anywhere.
    """
    conditions, parameters = [], []
    for word in (word.lower() for word in words):
        rows, row_parameters = _rows_with(word)
        after_letter = f"r.id IN ({rows}) AND lower({text_of('m')}) GLOB %s"
        conditions.append(f"(m.id IN ({messages_with_word}) OR ({after_letter}))")
        parameters += [f'"{word}"*', *row_parameters, f"*[{LETTERS}]{word}*"]
    table = "chats_grams_row r JOIN chats_message m ON m.id = r.message_id"
    return f"SELECT m.id FROM {table} WHERE r.is_mixed AND {' AND '.join(conditions)}", parameters


def _rows_with(part: str) -> tuple[str, list[str]]:
    """SQL and parameters: ids of the index's rows with a part of text."""
    if len(part) > SHORT:
        return "SELECT rowid FROM chats_grams WHERE chats_grams MATCH %s", [f'"{part}"']
    return "SELECT doc FROM chats_grams_terms WHERE term BETWEEN %s AND %s", [part, part + _LAST]
