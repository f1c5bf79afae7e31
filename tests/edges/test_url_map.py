"""The table is whole, and what stands in paths, queries and heads is answered as it should be."""

import re

from django.urls import get_resolver, resolve

from tests.api.test_access import patterns
from tests.edges import hostile
from tests.edges.filling import FORM, NAMED, at_length, encoded, in_turn, is_long, loops_go, request_of, some, worst
from tests.edges.table import ROWS

pytestmark = loops_go
REFUSED = (  # even so
    r"no/such|invitation|login|readyz|again|password|vote|continue|resume|close|webhooks|responses|v1/completions|"
    r"embeddings|/items"
)
HEADERS = [
    b"accept", b"accept-encoding", b"accept-language", b"idempotency-key", b"if-match", b"if-none-match",
    b"if-modified-since", b"if-unmodified-since", b"last-event-id", b"range", b"user-agent", b"x-forwarded-for",
    b"x-forwarded-proto", b"x-forwarded-host", b"x-requested-with", b"x-request-id", b"hx-request", b"hx-current-url",
    b"hx-target", b"traceparent", b"expect", b"content-encoding", b"forwarded", b"prefer", b"upgrade", b"te",
]  # fmt: skip
COOKIES = [b"zone", b"messages", b"sesame", b"chatapp_session", b"csrftoken", b"sessionid"]


# -- the table is whole ---------------------------------------------------------------------------


def test_every_address_of_the_site_has_a_row(table):
    """But for the admin's, which are found by walking, and for what is found nowhere."""
    served = {
        (name, path)
        for path, name, _ in patterns(get_resolver())
        if not path.startswith("admin/") and not name.endswith(("missing", "None"))
    }
    asked = {resolve(table.path(row)).view_name for row in ROWS if "no/such" not in row.path}
    assert {name for name, _ in served} - asked == set(), "add a row for each to tests/edges/table.py"
    assert asked - {name for name, _ in served} == set(), "tests/edges/table.py has rows of addresses that are gone"


def test_every_method_that_an_address_takes_has_a_row(table):
    """An address says itself which methods it takes, when it is asked with one that there is not."""
    missing = {}
    for path in {row.path for row in ROWS if "no/such" not in row.path}:
        rows = [row for row in ROWS if row.path == path]
        answer = table.cast[rows[0].who].ask("BREW", table.path(rows[0]))
        allowed = set(answer.headers.get("allow", "").replace(" ", "").split(",")) - {"HEAD", "OPTIONS", ""}
        if path == "/logout":
            allowed -= {"GET"}
        if path.startswith("/login") or path == "/invitation":
            allowed -= {"PUT"}
        if allowed != {row.method for row in rows}:
            missing[path] = (answer.status, allowed)
    assert missing == {}


def test_what_its_owner_could_send_is_taken(table):
    """Else the table would be one of refusals."""
    for row in ROWS:
        answer = table.try_(row, "as it should be", **request_of(table, row))
        if answer.status >= 400 and not re.search(REFUSED, row.path):
            table.wrong[f"{row.method} {row.path}"] = f"{answer.status} {answer.body[:300]!r}"
    table.assert_nothing_wrong()


# -- the places -----------------------------------------------------------------------------------


def test_no_path_is_too_strange(table):
    for row in ROWS:
        for name in NAMED.findall(row.path):
            for case, value in some(hostile.PATHS).items():
                path = row.path.format(**(table.things | {name: value}))
                table.try_(row, f"{name} is {case}", path, **request_of(table, row))
    table.assert_nothing_wrong()


def test_no_query_is_too_strange(table):
    for row in ROWS:
        for name in row.query:
            for case, value in some(hostile.TEXTS).items():
                request = request_of(table, row) | {"query": encoded(table.filled(row.query) | {name: value})}
                table.try_(row, f"{name} is {case}", **request)
        texts = worst(hostile.TEXTS) | some(hostile.TEXTS) if is_long() else some(hostile.TEXTS)
        whole = [(case, encoded(dict.fromkeys([*row.query, "x"], value))) for case, value in texts.items()]
        for case, query in [*whole, *some(hostile.FORMS).items()] if row.method == "GET" else []:
            table.try_(row, f"the query is {case}", query=query)
    table.assert_nothing_wrong()


@at_length
def test_no_header_is_too_strange(table):
    for row in ROWS:
        request = request_of(table, row)
        own = request.pop("headers", [])
        for case, value in some(hostile.HEADERS).items():
            table.try_(row, f"headers of {case}", headers=[*own, *((name, value) for name in HEADERS)], **request)
            for name in (b"origin", b"referer", b"authorization") if row in ROWS[::6] else ():
                table.try_(row, f"{name} of {case}", headers=[*own, (name, value)], **request)
            if row.who and row.who != "program":
                known = dict(table.cast[row.who].headers)[b"cookie"]
                jar = b"; ".join(name + b"=" + value for name in COOKIES[:3])
                cookies = b"; ".join(name + b"=" + value for name in COOKIES)
                table.try_(row, f"cookies of {case}", headers=[*own, (b"cookie", known + b"; " + jar)], **request)
                if row in ROWS[::6]:
                    table.try_(row, f"only cookies of {case}", headers=[*own, (b"cookie", cookies)], **request)
    table.assert_nothing_wrong()


def test_no_host_type_or_length_of_content_is_too_strange(table):
    for row, places in zip(ROWS, in_turn(("host", "length", "no length")), strict=False):
        request = request_of(table, row)
        own = request.pop("headers", [])
        for case, value in some(hostile.HOSTS).items() if "host" in places else ():
            table.try_(row, f"the host is {case}", headers=[*own, (b"host", value)], **request)
        body = {"body": request.get("body") or b"a=b", "query": request["query"]}
        for case, value in some(hostile.CONTENT_TYPES).items() if row.method != "GET" else ():
            table.try_(row, f"content of type {case}", headers=[(b"content-type", value)], **body)
        for case, value in some(hostile.HEADERS).items() if "length" in places else ():
            length = (b"content-length", value)
            table.try_(row, f"content of length {case}", headers=[*own, length], declares_length=False, **body)
        if "no length" in places:
            table.try_(row, "content without a length", headers=own, declares_length=False, **body)
    table.assert_nothing_wrong()


@at_length
def test_a_stranger_gets_no_further_whatever_is_sent(table):
    """What is asked without a log-in gets no further, whatever it says."""
    for row in ROWS:
        stranger = row._replace(who="")
        for case in ("NUL", "half a character", "not UTF-8", "5,000 digits"):
            value = hostile.TEXTS[case]
            body = encoded(dict.fromkeys([*row.form, "a"], value)) if row.method == "POST" else b""
            query = encoded(dict.fromkeys([*row.query, "a"], value))
            table.try_(stranger, f"a stranger with {case}", query=query, headers=[FORM] if body else [], body=body)
            table.try_(
                stranger,
                f"a token of {case}",
                headers=[(b"authorization", b"Bearer " + value.replace(b"\r\n", b"")), FORM],
                body=body,
            )
    table.assert_nothing_wrong()
