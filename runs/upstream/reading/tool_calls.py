"""Tells the tool calls of an answer apart, whose pieces servers number in many ways, or not at all.

A piece belongs to the call of its id; else to that of its index; else to the call at its position. Ours are numbered
0, 1, 2 … in the order in which they begin. Nothing arrives twice: a name or a call that is repeated is dropped.
"""

from typing import Any

import orjson

MAX_TOOL_CALLS = 256  # in one answer: readers look each of them up among all
MAX_TOOL_CHARACTERS = 4_000  # of a tool call's id and of its name
MAX_EXTRA_BYTES = 64 * 1024  # of what a provider attaches to a call
MAX_CHECKS = 20  # whether the arguments of a call are whole: each reads all of them
EMPTY_OBJECT = "{}"
LEGACY = "function_call"  # the index of the protocol's old, single call


class TooManyCalls(ValueError):
    """An answer has more than MAX_TOOL_CALLS."""

    def __str__(self) -> str:
        return f"more than {MAX_TOOL_CALLS} tool calls"


class _Call:
    """What is known of a call. The arguments so far are needed to notice that all of them are sent again."""

    __slots__ = ("arguments", "arguments_characters", "checks", "has_empty_object", "id", "index", "name")

    def __init__(self, index: int) -> None:
        self.index, self.id, self.name = index, "", ""
        self.arguments: list[str] = []
        self.arguments_characters = 0
        self.checks = 0
        self.has_empty_object = False  # "{}" so far: all of the arguments, or a place holder for those that follow

    def is_whole(self) -> bool:
        """Whether the arguments are an object of JSON that has come to its end: nothing can follow it."""
        if not self.arguments or not self.arguments[-1].endswith("}") or self.checks >= MAX_CHECKS:
            return False
        self.checks += 1
        self.arguments = ["".join(self.arguments)]
        try:
            return isinstance(orjson.loads(self.arguments[0]), dict)
        except ValueError:
            return False


class ToolCallTracker:
    """The calls of one answer so far."""

    __slots__ = ("_by_id", "_by_index", "_calls")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int | str, _Call] = {}  # by the server's own numbers

    def __bool__(self) -> bool:
        return bool(self._calls)

    def pieces_of(self, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The data of events for the pieces in one chunk. Raises ValueError, TypeError or AttributeError."""
        if len(calls) > MAX_TOOL_CALLS:
            raise TooManyCalls
        touched: set[int] = set()  # the calls that this chunk has named
        pieces = []
        for position, call in enumerate(calls):
            if call is None:
                continue
            piece = _fields(call)
            known = self._find(piece, _number_of(call.get("index")), position, touched)
            if data := self._add(known, piece):
                pieces.append(data)
            if piece.get("name"):
                touched.add(known.index)
        return pieces

    def legacy_piece(self, function: dict[str, Any]) -> list[dict[str, Any]]:
        """The old `function_call`. Servers that send both forms send the same call twice."""
        if self._calls and LEGACY not in self._by_index:
            return []
        return self.pieces_of([{"index": LEGACY, "function": function}])

    def finish(self) -> list[dict[str, Any]]:
        """The data of events for arguments that waited for others, at the end of the answer."""
        return [{"index": call.index, "arguments": EMPTY_OBJECT} for call in self._calls if call.has_empty_object]

    def _find(self, piece: dict[str, Any], index: int | str | None, position: int, touched: set[int]) -> _Call:
        """The call that a piece belongs to; a new one if it belongs to none that is known."""
        if (known := self._by_id.get(piece.get("id", ""))) is not None:
            goes_on = known.index not in touched and (index is None or self._by_index.get(index) is known)
            if not goes_on and _begins_another(piece, known):
                return self._begin(index)  # some servers give the name of the function as id
            return known
        numbered = self._by_index.get(index) if index is not None else None
        if numbered is None and index is None and not piece.get("name"):
            numbered = self._at_position(position)
        if numbered is not None and not self._is_another(piece, numbered, touched):
            return numbered
        return self._begin(index)

    def _at_position(self, position: int) -> _Call | None:
        """Pieces without id, index and name go on with the call of their position, or with the last one."""
        by_position = self._calls[position] if 0 < position < len(self._calls) else None
        return by_position or (self._calls[-1] if self._calls else None)

    def _is_another(self, piece: dict[str, Any], numbered: _Call, touched: set[int]) -> bool:
        """Whether a piece with the index of a known call begins another one: only what has a name begins a call."""
        name = piece.get("name", "")
        if not name:
            return False
        if numbered.index in touched:
            return True
        is_begun = numbered.arguments_characters > 0
        if piece.get("id") and (numbered.id or is_begun):
            return True
        if is_begun and name != numbered.name and not name.startswith(numbered.name):
            return True
        return _begins_another(piece, numbered)

    def _begin(self, index: int | str | None) -> _Call:
        if len(self._calls) >= MAX_TOOL_CALLS:
            raise TooManyCalls
        call = _Call(len(self._calls))
        self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _add(self, call: _Call, piece: dict[str, Any]) -> dict[str, Any]:
        """What is new in a piece; empty if nothing is."""
        data: dict[str, Any] = {"index": call.index}
        if (id_ := piece.get("id")) and not call.id:
            data["id"] = call.id = id_
        if id_:
            self._by_id[id_] = call
        if (name := piece.get("name")) and (rest := _new_part_of_name(call, name)):
            data["name"] = rest
            call.name += rest
        arguments = piece.get("arguments", "")
        if call.name and name and arguments[:1] == "{" and len(arguments) > call.arguments_characters > 0:
            arguments = _without_repetition(call, arguments)
        if arguments == EMPTY_OBJECT and not call.arguments:
            call.has_empty_object = True
        elif arguments and not _is_repeated(call, arguments):
            call.has_empty_object = False
            data["arguments"] = arguments
            call.arguments.append(arguments)
            call.arguments_characters += len(arguments)
        if "extra_content" in piece:
            data["extra_content"] = piece["extra_content"]
        return data if len(data) > 1 else {}


def _number_of(index: object) -> int | str | None:
    """A call's number as servers write it: 1, "1" or 1.0; None for anything that is none."""
    if isinstance(index, str):
        return int(index) if index.isdecimal() else index
    return int(index) if isinstance(index, int | float) and index == index // 1 else None


def _new_part_of_name(call: _Call, name: str) -> str:
    """A name comes whole, again with each piece, grown, or in pieces before the arguments."""
    if name == call.name or call.arguments_characters:
        return "" if call.name else name
    return name.removeprefix(call.name)


def _begins_another(piece: dict[str, Any], known: _Call) -> bool:
    """Whether a piece that names a function comes after the end of a call, and does not repeat it."""
    arguments = piece.get("arguments", "")
    if known.has_empty_object:
        return bool(piece.get("name")) and piece["name"] != known.name
    if not piece.get("name") or not arguments.startswith("{") or not known.is_whole():
        return False
    return bool(piece["name"] != known.name or arguments != known.arguments[0])


def _is_repeated(call: _Call, arguments: str) -> bool:
    """Whether this is all of the arguments again. They are joined only for an object of just that length."""
    if len(arguments) != call.arguments_characters or not (arguments[0] == "{" and arguments[-1] == "}"):
        return False
    call.arguments = ["".join(call.arguments)]
    return call.arguments[0] == arguments


def _without_repetition(call: _Call, arguments: str) -> str:
    """What is new in arguments that grow: some servers send all of them so far each time, with the name."""
    call.arguments = ["".join(call.arguments)]
    return arguments.removeprefix(call.arguments[0])


def _fields(call: dict[str, Any]) -> dict[str, Any]:
    """id, name, arguments and extra_content of a piece, as far as it has them."""
    function = call.get("function") or call.get("custom") or {}
    found = (place.get(name) for name in ("arguments", "input", "parameters") for place in (function, call))
    arguments = next((value for value in found if value is not None), None)
    piece: dict[str, Any] = {}
    if (id_ := call.get("id")) not in (None, ""):
        piece["id"] = text_of(id_)
    if name := function.get("name") or call.get("name"):
        piece["name"] = text_of(name).partition("<|")[0]  # gpt-oss's channel leaks into it
    if isinstance(arguments, dict | list):
        arguments = orjson.dumps(arguments).decode()
    if arguments not in (None, ""):
        piece["arguments"] = text_of(arguments)
    if max(len(piece.get("id", "")), len(piece.get("name", ""))) > MAX_TOOL_CHARACTERS:
        raise ValueError("the id or name of a tool call is too long")
    if isinstance(extra := call.get("extra_content"), dict) and len(orjson.dumps(extra)) <= MAX_EXTRA_BYTES:
        piece["extra_content"] = extra
    return piece


def text_of(value: object) -> str:
    """A string, or a number in its place, without NUL, which PostgreSQL's text cannot hold. Raises TypeError."""
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} in the place of a string")
    return value.replace("\0", "\ufffd")
