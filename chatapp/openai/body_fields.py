"""Reading a request's body: each value is of the type that it has to be, or the request is refused with its name.

What is null counts as not given, as OpenAI's clients send both.
"""

from collections.abc import Collection, Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from chatapp.openai.errors import Malformed, Missing, Refusal, Unknown, Unsupported
from chatapp.strict_json import NotJson, Unstorable, loads
from runs.limits import check_length

NAMES = {str: "a string", bool: "a boolean", int: "an integer", float: "a number", list: "an array", dict: "an object"}


def body_of(request: HttpRequest) -> dict:
    """The JSON object in a request's body. Raises Malformed, RequestDataTooBig."""
    raw = request.body
    if len(raw) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:  # one sent in pieces has told no length before
        raise RequestDataTooBig
    try:
        body = loads(raw)
    except NotJson:
        raise Malformed("The request body is not valid JSON.") from None
    except Unstorable as error:
        raise Malformed(str(error), error.name or None) from None
    if not isinstance(body, dict):
        raise Malformed("The request body must be a JSON object.")
    return body


class Fields:
    """The members of a JSON object; `path` is where it stands in the body."""

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, dict):
            raise Refusal(f"{path} must be an object.", path)
        self._path = path
        self._values = {name: value for name, value in value.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def path(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def take(self, name: str, kind: type, default: Any = None) -> Any:
        """A member of this type; integers are numbers, booleans are not."""
        value = self._values.get(name, default)
        if value is None or _is(value, kind):
            return value
        raise Refusal(f"{self.path(name)} must be {NAMES[kind]}.", self.path(name))

    def need(self, name: str, kind: type) -> Any:
        value = self.take(name, kind)
        if value is None:
            raise Missing(f"{self.path(name)} is required.", self.path(name))
        return value

    def number(self, name: str, low: float, high: float, kind: type = float) -> float | None:
        value = self.take(name, kind)
        if value is not None and not low <= value <= high:
            raise Refusal(f"{self.path(name)} must be between {low:g} and {high:g}.", self.path(name))
        return value

    def choice(self, name: str, values: Collection[str], default: str | None = None) -> str | None:
        value = self.take(name, str, default)
        if value is not None and value not in values:
            raise Refusal(f"{self.path(name)} must be one of {', '.join(values)}.", self.path(name))
        return value

    def text(self, name: str) -> str | None:
        """A string that is no longer than a message may be. Raises PromptTooLong."""
        return within_limit(self.take(name, str))

    def objects(self, name: str) -> Iterable["Fields"]:
        return [Fields(value, f"{self.path(name)}[{n}]") for n, value in enumerate(self.take(name, list, []))]

    def only(self, known: Collection[str], unsupported: Collection[str] = ()) -> None:
        """Refuse what is not understood, instead of leaving it out in silence."""
        for name in self._values:
            if name in unsupported:
                raise Unsupported(f"{self.path(name)} is not supported here.", self.path(name))
            if name not in known:
                raise Unknown(f"Unknown parameter: {self.path(name)}.", self.path(name))

    def as_dict(self) -> dict:
        return dict(self._values)


def within_limit(text: str | None) -> str | None:
    if text is not None:
        check_length(text)
    return text


def _is(value: object, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)
