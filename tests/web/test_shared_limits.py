"""Limits that the server's rendering and the page's modules share are equal: text is laid out in the same boxes."""

import re

import pytest
from django.conf import settings

from chatapp.chats import plain_text, reasoning_and_tools
from runs.queries import timeline
from runs.rendering import grammar, markdown, stretches
from streams.events import FINAL_KINDS

ROOMS = {folder.parent.name: folder for folder in settings.WEB_STATIC_DIRS}
CONSTANT = re.compile(r"^(?:export )?const ([A-Z_]+) = ([\w *]+);", re.MULTILINE)
LIVE_TAIL = settings.BASE_DIR / "runs" / "static" / "runs" / "live_tail.js"
SAME = [
    ("chat/plain_text.js", "STRETCH", stretches.STRETCH),
    ("chat/plain_text.js", "LONGEST", stretches.MAX_STRETCH),
    ("chat/plain_text.js", "MARK", stretches.ACCENT_WEIGHT),
    ("chat/plain_text.js", "PIECE", stretches.PIECE_CHARACTERS),
    ("chat/drawing_limits.js", "MAX_BLOCK_DEPTH", grammar.MAX_LEVEL),
    ("chat/drawing_limits.js", "MAX_PARAGRAPH", stretches.MAX_STRETCH),
    ("chat/live_answer.js", "MAX_CHARACTERS", markdown.MAX_SHOWN_CHARACTERS),
    ("chat/live_answer.js", "MAX_CHARACTERS", plain_text.SHOWN_CHARACTERS),
    ("chat/tool_calls.js", "MAX_CALLS", reasoning_and_tools.TOOLS),
    ("chat/tool_calls.js", "MAX_NAME", reasoning_and_tools.NAME_CHARACTERS),
    ("chat/tool_calls.js", "MAX_ARGUMENTS", reasoning_and_tools.ARGUMENTS_CHARACTERS),
    ("runs/live_tail.js", "MAX_CHARACTERS", timeline.TEXT_CHARACTERS),
]


def source(module: str) -> str:
    room, name = module.split("/")
    return (ROOMS[room] / name if room in ROOMS else LIVE_TAIL).read_text()


def constants(module: str) -> dict[str, int]:
    """The numbers that a module's constants are; some are a multiple of another."""
    values: dict[str, int] = {}
    for name, expression in CONSTANT.findall(source(module)):
        factors = [values.get(factor) or int(factor) for factor in expression.split(" * ")]
        values[name] = factors[0] * (factors[1] if len(factors) > 1 else 1)
    return values


@pytest.mark.parametrize(("module", "name", "value"), SAME, ids=lambda each: str(each))
def test_a_limit_is_the_same_in_the_page_and_on_the_server(module, name, value):
    assert constants(module)[name] == value


@pytest.mark.parametrize("module", ["shell/stream_events.js", "runs/live_tail.js"])
def test_the_kinds_that_end_a_stream_are_the_same(module):
    kinds = re.search(r"FINAL_KINDS = new Set\(\[(.+?)\]\)", source(module))[1]
    assert set(re.findall(r'"([\w.]+)"', kinds)) == set(FINAL_KINDS)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("SAFE_URL", markdown.ABSOLUTE_URL),
        ("BIDI_CONTROLS", markdown.BIDI_CONTROLS),
        ("BIDI_OVERRIDES", markdown.BIDI_OVERRIDES),
    ],
)
def test_what_is_unsafe_in_text_is_the_same(name, pattern):
    expression = re.search(rf"^const {name} = /(.+)/[gi];", source("chat/inline_elements.js"), re.MULTILINE)[1]
    expression = expression.replace(r"\/", "/").removeprefix("^(").removesuffix(")")
    assert re.sub(r"\\u(\w{4})", lambda match: chr(int(match[1], 16)), expression) == pattern.pattern
