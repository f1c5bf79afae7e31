"""Leave out the middle of a chat that is longer than its model can read at once (B66).

What stays: the instructions, the first question, and the newest messages, as many as fit. Where messages are missing
the model reads how many; so do readers, on the page and in the API (`Run.left_out`).
"""

import re
from typing import Any, NamedTuple

from runs.upstream.context.windows import MESSAGE_TOKENS, estimated_tokens, message_tokens
from runs.upstream.profiles.shaping import INSTRUCTIONS, join_contents

Message = dict[str, Any]

FIRST_SHARE = 4  # the first question gets one of so many parts of the room; of a longer one the beginning is sent
_GAP = re.compile(r"\[(\d+) earlier messages? (?:was|were) left out here\.\]")


class Trimmed(NamedTuple):
    messages: list[Message]
    left_out: int  # messages that are missing, those of earlier gaps included


def trim(
    messages: list[Message], tokens: int, ratio: float, newest: int = 1, left_out: int = 0, oldest: int = 1
) -> Trimmed:
    """The messages without the middle, if they take more than `tokens`, at `ratio` bytes a token.

    The last `newest` messages always stay, and the first `oldest` while there is room: the first question, and in a
    chat that goes on another one its summary, too. `left_out` messages are missing already, after those.
    """
    if estimated_tokens(messages, ratio) <= tokens and not left_out:
        return Trimmed(messages, 0)
    lead = [message for message in messages if message["role"] in INSTRUCTIONS]
    talk = [message for message in messages if message["role"] not in INSTRUCTIONS]
    pinned, before = talk[-newest:], talk[:-newest]
    room = tokens - estimated_tokens([*lead, *pinned], ratio)
    first = before[:oldest]
    if not first or first[0]["role"] != "user" or room <= 2 * MESSAGE_TOKENS * oldest:
        first = []
    if first:
        first = [_beginning(message, room // FIRST_SHARE, ratio) for message in first]
        room -= estimated_tokens([*first, {"content": gap_text(len(before))}], ratio)
    recent = _fitting(before[len(first) :], room, ratio)
    missing = len(before) - len(first) - len(recent) + left_out
    return Trimmed([*lead, *_joined(first, [*recent, *pinned], missing)], missing)


def trim_again(messages: list[Message], tokens: int, ratio: float, newest: int = 1, oldest: int = 1) -> Trimmed:
    """`trim` for messages that have been trimmed before, and were too long all the same."""
    messages, left_out = _without_gap(messages)
    return trim(messages, tokens, ratio, newest, left_out, oldest)


def _fitting(messages: list[Message], room: int, ratio: float) -> list[Message]:
    """The newest messages that fit, from a question on."""
    start = len(messages)
    while start > 0 and (room := room - message_tokens(messages[start - 1], ratio)) >= 0:
        start -= 1
    while start < len(messages) and messages[start]["role"] != "user":
        start += 1
    return messages[start:]


def _beginning(message: Message, tokens: int, ratio: float) -> Message:
    """The message, or the beginning of its text if it takes more than `tokens`."""
    content = message["content"]
    if message_tokens(message, ratio) <= tokens or not isinstance(content, str):
        return message
    encoded = content.encode(errors="replace")[: int(max(tokens - MESSAGE_TOKENS, 1) * ratio)]
    return message | {"content": encoded.decode(errors="ignore") + " […]"}


def _joined(first: list[Message], recent: list[Message], missing: int) -> list[Message]:
    """The first question and the newest messages, with the gap between them marked; roles still alternate."""
    if not missing or not first:
        return [*first, *recent]
    if first[-1]["role"] == "user" and recent[0]["role"] == "user":
        return [*first, {"role": "assistant", "content": gap_text(missing)}, *recent]
    *before, last = first
    return [*before, last | {"content": join_contents(last["content"], gap_text(missing))}, *recent]


def gap_text(missing: int) -> str:
    return (
        f"[{missing} earlier message{'' if missing == 1 else 's'} {'was' if missing == 1 else 'were'} left out here.]"
    )


def _without_gap(messages: list[Message]) -> tuple[list[Message], int]:
    """The messages without the mark of an earlier gap, and how many that one left out."""
    kept, missing, turns = [], 0, 0
    for message in messages:
        content = message["content"]
        turns += message["role"] not in INSTRUCTIONS
        gap = _GAP.search(content) if turns in (1, 2, 3) and isinstance(content, str) else None
        if gap is None:
            kept.append(message)
            continue
        missing += int(gap[1])
        if rest := content[: gap.start()].rstrip() + content[gap.end() :]:
            kept.append(message | {"content": rest})
    return kept, missing
