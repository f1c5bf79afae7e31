"""Bodies of requests: forms, files, JSON, each value of them something that nobody should send."""

import json
from collections.abc import Iterator

from tests.edges import hostile
from tests.edges.filling import FORM, JSON, MULTIPART, at_length, encoded, filled_body, loops_go, some
from tests.edges.table import ROWS

pytestmark = loops_go
HOLE = "\ue000hole\ue000"  # stands where a hostile value goes


@at_length
def test_no_field_of_a_form_is_too_strange(table):
    for row in ROWS:
        if row.method != "POST" or row.who == "program":
            continue
        for name in row.form:
            for case, value in some(hostile.TEXTS).items():
                body = encoded(table.filled(row.form) | {name: value})
                table.try_(row, f"{name} is {case}", headers=[FORM], body=body)
        for case, body in some(hostile.FORMS).items():
            table.try_(row, f"the form is {case}", headers=[FORM], body=body)
    table.assert_nothing_wrong()


def test_no_file_or_part_of_a_form_is_too_strange(table):
    with_files = [row for row in ROWS if row.has_files]
    for row in ROWS:
        if row.method == "POST" and row.who != "program":
            cases = hostile.MULTIPART if row is with_files[0] else some(hostile.MULTIPART)
            for case, body in cases.items():
                table.try_(row, f"multipart with {case}", headers=[MULTIPART], body=body)
    table.assert_nothing_wrong()


def holes(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """The body once for each value in it, with a hole in that one's place; and where that is."""
    yield path, HOLE
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        for where, with_hole in holes(part, f"{path}.{name}"):
            copy = value.copy()
            copy[name] = with_hole
            yield where, copy


def test_no_value_in_json_is_too_strange(table):
    for row in ROWS:
        if row.body is None or row.body == {}:
            continue
        for where, body in holes(filled_body(table, row.body)):
            text = json.dumps(body)
            for case, value in some(hostile.JSON_TEXTS).items():
                raw = text.replace(json.dumps(HOLE), value).encode()
                table.try_(row, f"{where} is {case}", headers=[JSON], body=raw)
    table.assert_nothing_wrong()


def test_no_body_of_json_is_too_strange(table):
    for row in ROWS:
        if row.who == "program":
            for case, body in some(hostile.BODIES).items():
                table.try_(row, f"the body is {case}", headers=[JSON], body=body)
    table.assert_nothing_wrong()
