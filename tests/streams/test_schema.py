"""The schema of the protocol says what the code says. Real streams are judged in tests/worker/test_protocol.py."""

import json
import re
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from jsonschema import Draft202012Validator

from chatapp.chats.models import News
from runs.states import LostReason, StopReason
from streams.events import FINAL_KINDS, Control, Event, Kind, control
from streams.transports import page_connection
from streams.transports.connection_limit import TooManyConnections
from tests.streams.schema import DEFINED, SCHEMA, judge, kinds_of

pytestmark = pytest.mark.one_database

STREAM = UUID("0198c0de-0000-7000-8000-000000000001")
PAGE = Path(settings.BASE_DIR, "docs", "protocol.md").read_text()
TOOL = {"index": 0, "id": "c", "name": "weather", "arguments": "{}", "extra_content": {"google": {}}}
USAGE = {"prompt_tokens": 9, "completion_tokens": 8, "cached_tokens": 4, "reasoning_tokens": 2}

# One of each kind as the code makes it, the largest there is.
DATA = {
    Kind.QUEUED: {},
    Kind.STARTED: {},
    Kind.RETRYING: {"code": "upstream_unavailable", "seconds": 1.5},
    Kind.TEXT: {"text": "a"},
    Kind.REASONING: {"text": "a"},
    Kind.TOOL: TOOL,
    Kind.USAGE: USAGE,
    Kind.SOURCES: {"sources": [{"url": "https://example.org/wren", "title": "Wrens"}]},
    Kind.COMPLETED: {"finish_reason": "stop"},
    Kind.STOPPED: {"reason": "user"},
    Kind.FAILED: {"code": "time_limit", "message": "It took too long.", "retryable": True, "retried": True},
    Kind.LOST: {"reason": "lease", "message": "It is gone."},
    Kind.SNAPSHOT: {"text": "a", "reasoning": "", "tools": [TOOL], "usage": USAGE},
    Control.RESYNC: {"last_seq": 4},
    Control.REFUSED: {"code": "too_many", "message": "A connection follows at most 32 streams."},
    Control.HEARTBEAT: {},
    Control.LIVE: {},
    Control.SESSION_CHANGED: {
        "session": str(STREAM), "title": "Birds", "activity": "answering", "news": "unread", "ended": None,
        "queued": 2, "held": True,
    },
    Control.SESSIONS_CHANGED: {},
    Control.PLACES_CHANGED: {"ahead": {str(STREAM): 3}},
}  # fmt: skip


def envelope_of(kind: Kind | Control) -> dict:
    if kind in list(Control):
        return json.loads(control(STREAM, kind, **DATA[kind]))
    seq = 1 if kind == Kind.QUEUED else 7
    return json.loads(Event(STREAM, seq, kind, json.dumps(DATA[kind]).encode()).envelope())


def test_the_schema_is_one_of_draft_2020_12():
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_knows_exactly_the_kinds_that_there_are():
    assert {*Kind, *Control} - set(DEFINED) == set(), "add each to $defs in docs/events.schema.json"
    assert kinds_of("event") == set(Kind), "list each in $defs/event in docs/events.schema.json"
    assert kinds_of("control") == set(Control), "list each in $defs/control in docs/events.schema.json"
    assert kinds_of("final") == set(FINAL_KINDS), "list each in $defs/final in docs/events.schema.json"


def test_there_is_an_example_of_each_kind():
    assert {*Kind, *Control} - set(DATA) == set(), "add an example of each to DATA"


@pytest.mark.parametrize("kind", DATA)
def test_each_kind_fits_its_own_definition_and_no_other(kind):
    envelope = envelope_of(kind)
    defined = [name for name in (*Kind, *Control) if name in DEFINED]  # another test says what is missing
    assert [name for name in defined if judge(name).is_valid(envelope)] == [kind]
    assert judge("envelope").is_valid(envelope)
    assert judge("final").is_valid(envelope) == (kind in FINAL_KINDS)


@pytest.mark.parametrize("kind", DATA)
def test_a_field_more_or_less_or_of_another_type_does_not_fit(kind):
    envelope = envelope_of(kind)
    wrong = [envelope | {"more": 1}, envelope | {"data": envelope["data"] | {"more": 1}}, envelope | {"seq": -1}]
    wrong += [{name: value for name, value in envelope.items() if name != left_out} for left_out in envelope]
    optional = {"id", "name", "arguments", "extra_content", "usage", "cached_tokens", "reasoning_tokens", "retried"}
    for name in set(envelope["data"]) - optional:
        wrong.append(envelope | {"data": {key: value for key, value in envelope["data"].items() if key != name}})
    wrong += [envelope | {"data": envelope["data"] | {name: [object]}} for name in envelope["data"]]
    assert [value for value in wrong if judge("envelope").is_valid(value)] == []


def test_the_schema_lists_exactly_the_values_of_the_code():
    def listed(kind: str, name: str) -> set[str]:
        return set(DEFINED[kind]["properties"]["data"]["properties"][name]["enum"])

    assert listed("run.stopped", "reason") == set(StopReason.values)
    assert listed("run.lost", "reason") == set(LostReason.values)
    assert listed("session.changed", "news") == {"", *News.values}
    source = Path(page_connection.__file__).read_text()
    refusals = set(re.findall(r'\.refuse\(\w+, "(\w+)"', source))
    assert listed("refused", "code") == {*refusals, TooManyConnections.code}


def test_the_page_describes_each_kind_with_the_fields_that_the_schema_has():
    rows = dict(re.findall(r"^\| `([\w.]+)` \| `(\{.*?\})` \|", PAGE, re.MULTILINE))
    assert set(rows) == {*Kind, *Control}, "docs/protocol.md needs exactly one row for each"
    for kind, fields in rows.items():
        data = DEFINED[kind]["properties"]["data"]
        data = DEFINED["usage_counts"] if "$ref" in data else data
        optional = set(data["properties"]) - set(data["required"])
        described = re.findall(r'"(\w+)"(\??)', fields.partition(": ")[0])
        assert {name for name, _ in described} == set(data["properties"]), kind
        assert {name for name, mark in described if mark} == optional, kind


GOOD = [
    {"follow": str(STREAM)},
    {"follow": str(STREAM), "after": 0},
    {"follow": str(STREAM), "after": 41},
    {"unfollow": str(STREAM)},
    {"ack": {str(STREAM): 41}},
    {"ack": {}},
]
BAD = [
    {}, [], "follow", None, {"follow": "x"}, {"follow": 5}, {"follow": str(STREAM), "after": -1}, {"ack": [1]},
    {"ack": {str(STREAM): "41"}}, {"ack": {"x": 1}}, {"unfollow": None}, {"stop": str(STREAM)},
]  # fmt: skip


@pytest.mark.parametrize("message", GOOD)
def test_valid_client_messages_fit_the_schema(message):
    assert judge("from_client").is_valid(message)


@pytest.mark.parametrize("message", BAD)
def test_invalid_client_messages_do_not_fit_the_schema(message):
    assert not judge("from_client").is_valid(message)


def test_a_message_of_the_server_is_one_envelope_or_several():
    one = envelope_of(Kind.TEXT)
    assert judge("from_server").is_valid(one)
    assert judge("from_server").is_valid([one, envelope_of(Kind.COMPLETED)])
    assert not judge("from_server").is_valid([])
    assert not judge("from_server").is_valid([one])
    assert not judge("from_server").is_valid([one, {"more": 1}])
