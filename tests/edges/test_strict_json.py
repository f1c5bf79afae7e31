"""The one reader of JSON from outside, by itself."""

import pytest

from chatapp.strict_json import MAX_DEPTH, NotJson, Unstorable, loads
from tests.edges import hostile

UNSTORABLE = {
    b'{"text": "a\\u0000b"}': "text",
    b'{"a": [{"b": "\\ud800"}]}': "a",
    b'{"text": "\\udc00\\ud800"}': "text",
    b'["\\ud800"]': "0",
    b'"\\u0000"': "",
    b'{"\\ud800": 1}': "",
    b'{"a\\u0000": 1}': "",
}


@pytest.mark.parametrize(("raw", "name"), UNSTORABLE.items())
def test_what_no_database_holds_is_refused_with_its_place(raw, name):
    with pytest.raises(Unstorable) as refused:
        loads(raw)
    assert refused.value.name == name


def test_a_whole_emoji_is_no_half_character():
    assert loads(b'"\\ud83d\\ude00 \\\\u0000"') == "\U0001f600 \\u0000"


@pytest.mark.parametrize("shape", [(b"[", b"]"), (b'{"a":', b"}"), (b'[1,{"a":', b"}]")])
def test_what_is_nested_too_deeply_is_refused(shape):
    opening, closing = shape
    assert loads(opening * 40 + b"1" + closing * 40)
    for levels in (101, 600, 1_000, 100_000):
        with pytest.raises(NotJson):
            loads(opening * levels + b"1" + closing * levels)


def test_exactly_as_deep_as_it_may_be_is_read():
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(NotJson):
        loads(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


def test_whatever_comes_is_read_or_refused():
    """And what is read can be written again."""
    for case, raw in hostile.BODIES.items():
        try:
            value = loads(raw)
        except (NotJson, Unstorable):
            continue
        assert repr(value).encode() is not None, case
