"""Read and validate the fields of a request's body. Errors name the field.

null counts as missing: OpenAI's clients send either.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from chatapp.openai.errors import MalformedBody, MissingParameter, Refusal
from chatapp.strict_json import NotJson, Unstorable, loads
from runs.limits import check_length

INDEX = re.compile(r"\[\d+\]")
NAMES = {str: "a string", bool: "a boolean", int: "an integer", float: "a number", list: "an array", dict: "an object"}


def parse_body(request: HttpRequest) -> dict:
    """The JSON object in a request's body. Raises Malformed, RequestDataTooBig."""
    return parse_object(request.read(settings.PROGRAM_MAX_BYTES + 1))  # `request.body` has the limit of forms


def parse_object(raw: bytes) -> dict:
    """A JSON object. Raises MalformedBody, RequestDataTooBig."""
    if len(raw) > settings.PROGRAM_MAX_BYTES:
        raise RequestDataTooBig
    try:
        body = loads(raw)
    except NotJson:
        raise MalformedBody("The request body is not valid JSON.") from None
    except Unstorable as error:
        raise MalformedBody(str(error), error.name or None) from None
    if not isinstance(body, dict):
        raise MalformedBody("The request body must be a JSON object.")
    return body


class Fields:
    """The members of a JSON object; `path` is its place in the body.

    `ignored` collects the names of members without effect here. Fields made from others share it.
    """

    def __init__(self, value: object, path: str = "", ignored: dict[str, None] | None = None) -> None:
        if not isinstance(value, dict):
            raise Refusal(f"{path} must be an object.", path)
        self._path = path
        self.ignored: dict[str, None] = {} if ignored is None else ignored  # an ordered set
        self._values = {name: value for name, value in value.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def path(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def optional(self, name: str, kind: type, default: Any = None) -> Any:
        """A member of this type, or `default`. Integers are numbers, booleans are not."""
        value = self._values.get(name, default)
        if value is None or _is(value, kind):
            return value
        raise Refusal(f"{self.path(name)} must be {NAMES[kind]}.", self.path(name))

    def required(self, name: str, kind: type) -> Any:
        value = self.optional(name, kind)
        if value is None:
            raise MissingParameter(f"{self.path(name)} is required.", self.path(name))
        return value

    def number(self, name: str, low: float, high: float, kind: type = float) -> float | None:
        value = self.optional(name, kind)
        if value is not None and not low <= value <= high:
            raise Refusal(f"{self.path(name)} must be between {low:g} and {high:g}.", self.path(name))
        return value

    def choice(self, name: str, values: Collection[str], default: str | None = None) -> str | None:
        value = self.optional(name, str, default)
        if value is not None and value not in values:
            raise Refusal(f"{self.path(name)} must be one of {', '.join(values)}.", self.path(name))
        return value

    def text(self, name: str) -> str | None:
        """A string within the limit for messages. Raises PromptTooLong."""
        return within_limit(self.optional(name, str))

    def objects(self, name: str) -> Iterable["Fields"]:
        values = enumerate(self.optional(name, list, []))
        return [Fields(value, f"{self.path(name)}[{n}]", self.ignored) for n, value in values]

    def object(self, name: str, default: dict | None = None) -> "Fields":
        """A member that is an object; `default`, or an empty one, if it is missing."""
        return Fields(self.optional(name, dict, default or {}), self.path(name), self.ignored)

    def ignore(self, *names: str) -> None:
        """Note members without effect, if they are set. Places in lists are left out: `messages[].cache_control`."""
        for name in names:
            if name in self._values:
                self.ignored[INDEX.sub("[]", self.path(name))] = None

    def ignore_all_but(self, known: Collection[str]) -> None:
        self.ignore(*(name for name in self._values if name not in known))

    def as_dict(self) -> dict:
        return dict(self._values)


def within_limit(text: str | None) -> str | None:
    """The text. Raises PromptTooLong."""
    if text is not None:
        check_length(text, settings.PROGRAM_MAX_CHARACTERS)
    return text


def _is(value: object, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)
