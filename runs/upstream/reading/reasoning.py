"""Takes reasoning out of text where a model marks it with tags, however the text is cut.

A block begins at the start of an answer, or directly after another block; in the middle of a text a tag is text. Some
servers leave the opening tag out, as it is part of the prompt: then the closing one shows that all text so far was
reasoning.
"""

import re
from typing import NamedTuple

BLOCKS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<thoughts>": "</thoughts>",
    "<reasoning>": "</reasoning>",
    "<reason>": "</reason>",
    "<reflection>": "</reflection>",
    "<seed:think>": "</seed:think>",
    "<mm:think>": "</mm:think>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|channel|>analysis<|message|>": "<|end|><|start|>assistant<|channel|>final<|message|>",
    "<|start_thinking|>": "<|end_thinking|>",
    "<|channel>thought": "<channel|>",
    "[think]": "[/think]",
    "◁think▷": "◁/think▷",
}
CLOSINGS = {closing: re.compile(re.escape(closing), re.IGNORECASE) for closing in BLOCKS.values()}
LONE_CLOSING = ("</think>", "</thinking>", "</thought>", "</seed:think>")
LONE = re.compile("|".join(map(re.escape, LONE_CLOSING)), re.IGNORECASE)
OPENING_IN_TEXT = re.compile(r"<(?:think|thinking|thought|seed:think)>", re.IGNORECASE)
QUOTES = "`'\"“‘«"  # a tag behind one of these is being talked about
MAX_REMEMBERED = 100_000  # characters of a text that may turn out to have been reasoning: they must fit into one event
MAX_PIECES = 1_000  # in which that text is kept
MAX_BLANK = 1_000  # characters of white space that are held back: more are text


class Split(NamedTuple):
    """The parts of a piece, in order: reasoning, then text.

    `was_reasoning`: all text before this piece; it is moved. The text of the piece comes after it.
    """

    reasoning: str = ""
    text: str = ""
    was_reasoning: str | None = None


class TagSplitter:
    """Splits the text of one answer piece by piece."""

    __slots__ = (
        "_closing",
        "_held",
        "_is_in_reasoning",
        "_is_start",
        "_remembered",
        "is_plain",
    )

    def __init__(self) -> None:
        self._held = ""  # may be the beginning of a tag
        self._is_start = True  # a block may begin here: nothing but white space since the start or the last block
        self._closing = ""  # of the block that is open
        self._is_in_reasoning = False  # that block has some text
        self._remembered: list[str] | None = []  # the text so far; None: it cannot have been reasoning
        self.is_plain = False

    def passes(self, text: str) -> bool:
        """Whether a piece is text as it is: nearly every one. Else it has to be split."""
        if not self.is_plain:
            return False
        if (remembered := self._remembered) is not None:
            if "<" in text:
                return False
            remembered.append(text)
            if len(remembered) > MAX_PIECES:
                self._join_remembered()
        return True

    def _join_remembered(self) -> None:
        whole = "".join(self._remembered or ())
        self._remembered = [whole] if len(whole) <= MAX_REMEMBERED else None

    def rule_out(self) -> None:
        """The text so far is text: the server sends reasoning apart, or a tool call came after it."""
        self._remembered = None

    def split(self, text: str) -> list[Split]:
        """The parts of a piece of text, as far as they are decided."""
        parts: list[Split] = []
        rest = self._held + text
        self._held, self.is_plain = "", False
        while rest:
            if self._closing:
                rest = self._read_block(rest, parts)
            elif self._is_start:
                rest = self._read_start(rest, parts)
            else:
                rest = self._read_text(rest, parts)
        self.is_plain = not self._held and not self._closing and not self._is_start
        return parts

    def finish(self) -> list[Split]:
        """What was held back, at the end of the answer. White space alone is nothing."""
        held, self._held = self._held, ""
        if not held.strip():
            return []
        return [Split(reasoning=held) if self._closing else Split(text=held)]

    def _read_start(self, rest: str, parts: list[Split]) -> str:
        stripped = rest.lstrip()
        head = stripped[:40].lower()
        for opening, closing in BLOCKS.items():
            if head.startswith(opening):
                self._closing, self._is_in_reasoning = closing, False
                return stripped[len(opening) :]
        for closing in LONE_CLOSING:
            if head.startswith(closing):  # of an empty block whose opening tag is part of the prompt
                self._remembered = None
                return stripped[len(closing) :]
        if len(rest) <= MAX_BLANK and any(tag.startswith(head) for tag in (*BLOCKS, *LONE_CLOSING)):
            self._held = rest
            return ""
        self._is_start = False
        return rest if self._remembered == [] else stripped

    def _read_block(self, rest: str, parts: list[Split]) -> str:
        if not self._is_in_reasoning:
            rest = rest.lstrip()
        match = CLOSINGS[self._closing].search(rest)
        if match is None:
            kept = _length_of_partial(rest, (self._closing,))
            self._held = rest[len(rest) - kept :]
            self._add_reasoning(rest[: len(rest) - kept], parts)
            return ""
        self._add_reasoning(rest[: match.start()], parts)
        self._closing, self._is_start, self._remembered = "", True, None
        return rest[match.end() :]

    def _add_reasoning(self, text: str, parts: list[Split]) -> None:
        if text:
            self._is_in_reasoning = True
            self._remembered = None
            parts.append(Split(reasoning=text))

    def _read_text(self, rest: str, parts: list[Split]) -> str:
        if self._remembered is None or "<" not in rest:
            self._add_text(rest, parts)
            return ""
        match, opening = LONE.search(rest), OPENING_IN_TEXT.search(rest)
        if match is None or (opening is not None and opening.start() < match.start()):
            if opening is not None:
                self._remembered = None  # the text shows tags
            kept = 0 if self._remembered is None else _length_of_partial(rest, (*LONE_CLOSING, *BLOCKS))
            self._held = rest[len(rest) - kept :]
            self._add_text(rest[: len(rest) - kept], parts)
            return ""
        before = "".join(self._remembered) + rest[: match.start()]
        if len(before) > MAX_REMEMBERED or (before and before[-1] in QUOTES):
            self._remembered = None
            return rest
        parts.append(Split(was_reasoning=before))
        self._remembered, self._is_start = None, True
        return rest[match.end() :]

    def _add_text(self, text: str, parts: list[Split]) -> None:
        if text:
            parts.append(Split(text=text))
            if self._remembered is not None:
                self._remembered.append(text)
                if len(self._remembered) > MAX_PIECES:
                    self._join_remembered()


def _length_of_partial(text: str, tags: tuple[str, ...]) -> int:
    """How many characters at the end of `text` may be the beginning of one of `tags`."""
    longest = max(map(len, tags)) - 1
    tail = text[-longest:].lower()
    for length in range(len(tail), 0, -1):
        if any(tag.startswith(tail[-length:]) for tag in tags):
            return length
    return 0
