"""Takes reasoning out of text where a model marks it with tags, however the text is cut.

A block begins at the start of an answer, or directly after another block; in the middle of a text a tag is text. Some
servers leave the opening tag out, as it is part of the prompt: then the closing one shows that all text so far was
reasoning.

Two more things that belong to no text are taken out on the way: tags around an answer that follows a block, and the
tokens that end a turn.
"""

import re
from typing import NamedTuple

from runs.upstream.reading.end_tokens import STRUCK_OUT, length_at_end, length_of_partial, without_tokens

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
ANSWERS = {  # around the answer, directly after a block
    "<answer>": "</answer>",
    "<final_answer>": "</final_answer>",
    "<|begin_of_solution|>": "<|end_of_solution|>",
}
CLOSINGS = {closing: re.compile(re.escape(closing), re.IGNORECASE) for closing in (*BLOCKS.values(), *ANSWERS.values())}
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
        "_answer_closing",
        "_closing",
        "_has_struck_out",
        "_held",
        "_is_after_block",
        "_is_in_reasoning",
        "_is_start",
        "_last",
        "_remembered",
        "is_plain",
    )

    def __init__(self) -> None:
        self._held = ""  # may be the beginning of a tag
        self._is_start = True  # a block may begin here: nothing but white space since the start or the last block
        self._is_after_block = False  # at least one
        self._closing = ""  # of the block that is open
        self._answer_closing = ""  # of the tags around the answer, until it comes
        self._is_in_reasoning = False  # that block has some text
        self._remembered: list[str] | None = []  # the text so far; None: it cannot have been reasoning
        self._last = ""  # piece of text
        self._has_struck_out = False  # a text with <s>
        self.is_plain = False

    def passes(self, text: str) -> bool:
        """Whether a piece is text as it is: nearly every one. Else it has to be split."""
        if not self.is_plain or "<" in text:
            return False
        self._last = text
        if (remembered := self._remembered) is not None:
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
        if self._closing:
            return [Split(reasoning=held)]
        is_all = not self._last and self._remembered is not None  # of the answer: its reader may have asked for it
        is_struck_out = self._has_struck_out and held.lower().startswith("</s>")
        text = held if is_all or is_struck_out or self._last[-1:] in {*QUOTES} else without_tokens(held)
        return [Split(text=text)] if text else []

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
                self._is_after_block = True
                return stripped[len(closing) :]
        answers = ANSWERS if self._is_after_block and not self._answer_closing else {}
        for opening, closing in answers.items():
            if head.startswith(opening):
                self._answer_closing = closing
                return stripped[len(opening) :]
        if len(rest) <= MAX_BLANK and any(tag.startswith(head) for tag in (*BLOCKS, *LONE_CLOSING, *answers)):
            self._held = rest
            return ""
        self._is_start = False
        return rest if self._remembered == [] else stripped

    def _read_block(self, rest: str, parts: list[Split]) -> str:
        if not self._is_in_reasoning:
            rest = rest.lstrip()
        match = CLOSINGS[self._closing].search(rest)
        if match is None:
            kept = length_of_partial(rest, (self._closing,))
            self._held = rest[len(rest) - kept :]
            self._add_reasoning(rest[: len(rest) - kept], parts)
            return ""
        self._add_reasoning(rest[: match.start()], parts)
        self._closing, self._is_start, self._is_after_block, self._remembered = "", True, True, None
        return rest[match.end() :]

    def _add_reasoning(self, text: str, parts: list[Split]) -> None:
        if text:
            self._is_in_reasoning = True
            self._remembered = None
            parts.append(Split(reasoning=text))

    def _read_text(self, rest: str, parts: list[Split]) -> str:
        if "<" not in rest:
            self._add_text(rest, parts)
            return ""
        self._has_struck_out = self._has_struck_out or STRUCK_OUT.search(rest) is not None
        if self._answer_closing and (match := CLOSINGS[self._answer_closing].search(rest)) is not None:
            self._answer_closing = ""
            self._add_text(rest[: match.start()], parts)
            return rest[match.end() :]
        if self._remembered is None:
            closing = (self._answer_closing,) if self._answer_closing else ()
            self._hold(rest, parts, closing)
            return ""
        match, opening = LONE.search(rest), OPENING_IN_TEXT.search(rest)
        if match is None or (opening is not None and opening.start() < match.start()):
            if opening is not None:
                self._remembered = None  # the text shows tags
            self._hold(rest, parts, () if self._remembered is None else (*LONE_CLOSING, *BLOCKS))
            return ""
        before = "".join(self._remembered) + rest[: match.start()]
        if len(before) > MAX_REMEMBERED or (before and before[-1] in QUOTES):
            self._remembered = None
            return rest
        parts.append(Split(was_reasoning=before))
        self._remembered, self._is_start, self._is_after_block = None, True, True
        return rest[match.end() :]

    def _hold(self, rest: str, parts: list[Split], tags: tuple[str, ...]) -> None:
        """Add a text, but for what may be the beginning of one of `tags`, or a token that ends the turn."""
        kept = max(length_at_end(rest), length_of_partial(rest, tags) if tags else 0)
        self._held = rest[len(rest) - kept :]
        self._add_text(rest[: len(rest) - kept], parts)

    def _add_text(self, text: str, parts: list[Split]) -> None:
        if text:
            self._last = text
            parts.append(Split(text=text))
            if self._remembered is not None:
                self._remembered.append(text)
                if len(self._remembered) > MAX_PIECES:
                    self._join_remembered()
