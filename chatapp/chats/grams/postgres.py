"""PostgreSQL's indexes of parts of text: arrays of single letters and pairs, and the other words of such texts.

No extension is needed: pg_trgm knows no emoji, and no letters beyond ASCII in the locale C, and in many places only an
administrator may install it.
"""

from collections.abc import Callable

from django.db import connections

from chatapp.chats.grams.letters import LETTER, LETTERS

INDEXED_CHARACTERS = 100_000  # of a message, and of each file

Vector = Callable[[str], str]  # SQL of a text -> SQL of its text search vector

_TEXTS = {"chats_message": ("id", "content"), "chats_attachment": ("message_id", "(name || ' ' || text)")}
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION chats_grams(body text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
  SELECT coalesce(array_agg(DISTINCT gram), '{{}}') FROM (
    SELECT unnest(ARRAY[letter, letter || next]) AS gram FROM (
      SELECT letter, lead(letter) OVER (PARTITION BY number ORDER BY place) AS next
      FROM regexp_split_to_table(body, '[^{LETTER[1:]}+') WITH ORDINALITY AS runs (run, number),
        unnest(string_to_array(run, NULL)) WITH ORDINALITY AS letters (letter, place)
    ) AS pairs
  ) AS grams WHERE gram IS NOT NULL
$$"""  # COST: planners must not call it for each row while there is an index


def _indexed(text: str) -> str:
    return f"left({text}, {INDEXED_CHARACTERS})"


def _has_letter(text: str) -> str:
    return f"{_indexed(text)} ~ '{LETTER}'"


def _is_mixed(text: str) -> str:
    return f"{_indexed(text)} ~ '[{LETTERS}]'"


def _other_words(text: str, vector: Vector) -> str:
    """The vector of a text with blanks instead of these letters."""
    return vector(f"regexp_replace({_indexed(text)}, '{LETTER}+', ' ', 'g')")


def ensure_grams(using: str, vector: Vector) -> None:
    """Create function and indexes where they are missing, without keeping others from writing.

    An index whose creation was interrupted is invalid, and created anew.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_FUNCTION)
    for table, (_, text) in _TEXTS.items():
        grams, words = f"chats_grams({_indexed(text)})", _other_words(text, vector)
        _ensure_index(using, f"{table}_grams_1", f"{table} USING gin ({grams})", _has_letter(text))
        _ensure_index(using, f"{table}_mixed_1", f"{table} USING gin ({words})", _is_mixed(text))


def _ensure_index(using: str, name: str, definition: str, condition: str) -> None:
    connection = connections[using]
    concurrently = "" if connection.in_atomic_block else "CONCURRENTLY"
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        valid = cursor.fetchone()
        if valid == (False,):
            cursor.execute(f"DROP INDEX {concurrently} {name}")
        if valid != (True,):
            cursor.execute(f"CREATE INDEX {concurrently} {name} ON {definition} WHERE {condition}")


def messages_with_run(run: str) -> tuple[str, list[object]]:
    """SQL and parameters: ids of messages with a run of letters. Pairs find candidates, of which the text is read."""
    grams = list({run[place : place + 2] for place in range(len(run) - 1)}) or [run]
    return _in_texts(
        lambda text: f"{_has_letter(text)} AND chats_grams({_indexed(text)}) @> %s::text[] AND strpos({text}, %s) > 0",
        [grams, run],
    )


def messages_with_words(query: str, vector: Vector) -> tuple[str, list[object]]:
    """SQL and parameters: ids of messages with such letters whose other words match a text search query."""
    return _in_texts(
        lambda text: (
            f"{_is_mixed(text)} AND {_other_words(text, vector).replace('%', '%%')} @@ to_tsquery('simple', %s)"
        ),
        [query],
    )


def _in_texts(condition: Callable[[str], str], parameters: list[object]) -> tuple[str, list[object]]:
    selects = [f"SELECT {pk} FROM {table} WHERE {condition(text)}" for table, (pk, text) in _TEXTS.items()]
    return " UNION ".join(selects), parameters * len(selects)
