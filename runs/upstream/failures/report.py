"""What a model server reports as an error, in the shapes that vendors use."""

import re
from typing import Any, NamedTuple

import orjson

from runs.upstream.failures.words import Signs
from runs.upstream.storable_text import storable

EXCERPT_CHARACTERS = 2_000  # of an upstream's error, for staff
MAX_DEPTH = 5  # of objects within a report
MAX_ITEMS = 5  # of a list within a report
CODE_CHARACTERS = 100  # of a code, a type or the name of a parameter

MESSAGE_KEYS = (  # the first that has words
    "message",
    "msg",
    "detail",
    "error",
    "error_msg",
    "errorMessage",
    "error_message",
    "status_msg",
    "faultstring",
    "description",
    "Message",
    "reason",
    "title",
    "errors",
    "body",
)
# An object without `error` reports one by a key that nothing else has; or by a sentence, if a code or a type says so.
ERROR_KEYS = ("error_msg", "errorMessage", "error_message", "errorType", "faultstring")
SENTENCE_KEYS = ("message", "msg", "error_msg", "errorMessage", "error_message", "status_msg")
CODE_KEYS = (
    "code",
    "error_code",
    "errorCode",
    "status_code",
    "err_code",
    "statusCode",
    "http_code",
    "http_status_code",
)
SUCCESS = {"", "none", "null", "0", "200", "ok", "success", "succeeded"}  # codes that report no error
TYPE_KEYS = ("type", "__type", "status", "error_type")
IS_ERROR_TYPE = re.compile(r"error|exception|fail|invalid|denied|limit|exhausted|unavailable|overload", re.IGNORECASE)

STATUS_BY_NAME = {  # of gRPC, which Google's servers report
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class Report(NamedTuple):
    """An error as a server reports it."""

    message: str
    code: str = ""
    type: str = ""
    param: str = ""
    status: int | None = None

    @property
    def words(self) -> str:
        return f"{self.code} {self.type} {self.message}"

    def has_code(self, signs: Signs) -> bool:
        return self.code.lower() in signs.codes or self.type.lower() in signs.codes

    def says(self, signs: Signs) -> bool:
        """By its code, or in its words."""
        return self.has_code(signs) or signs.pattern.search(self.words) is not None


def report_in(value: object, is_error: bool = False) -> Report | None:
    """The error that a decoded JSON value reports; None if it reports none, or one without any content.

    `is_error`: it is known to be one, whatever its shape, because of an HTTP status or the name of an event.
    """
    if isinstance(value, list):
        reports = (report_in(item, is_error) for item in value[:MAX_ITEMS] if isinstance(item, dict))
        return next((report for report in reports if report is not None), None)
    if not isinstance(value, dict):
        return Report(_words(value)) if is_error and value else None
    if (base := value.get("base_resp")) and isinstance(base, dict) and base.get("status_code"):
        return _report(base, value)
    for name in ("error", "errors", "fault", "exception"):
        if (inner := value.get(name)) and not _is_blank(inner):
            return _report(inner, value)
    if not value.get("choices"):
        for name, inner in value.items():  # AWS: {"throttlingException": {"message": …}}
            if name.endswith("Exception") and isinstance(inner, dict):
                return _report(inner | {"type": name}, value)
    if is_error or _is_error_object(value):
        report = _report(value, value)
        return report if is_error or report.words.strip() else None
    return None


def excerpt(value: object) -> str:
    """For staff. The repr of a large value takes a second, and that of a deeply nested one fails."""
    if isinstance(value, str):
        return value[:EXCERPT_CHARACTERS].encode(errors="replace").decode()
    try:
        return orjson.dumps(value)[: 4 * EXCERPT_CHARACTERS].decode(errors="replace")[:EXCERPT_CHARACTERS]
    except TypeError:  # orjson's for deep nesting and for lone surrogates
        return f"JSON that cannot be shown ({type(value).__name__})"


def _is_blank(error: object) -> bool:
    """Whether an error has no content: some gateways put an empty one into each chunk."""
    if isinstance(error, dict):
        return not any(_is_code(value) for value in error.values() if value)
    return isinstance(error, str) and not _is_code(error)


def _is_code(value: object) -> bool:
    """Whether a value in the place of an error's code says that there is one."""
    return not isinstance(value, str | int | None) or str(value).strip().lower() not in SUCCESS


def _is_error_object(value: dict[str, Any]) -> bool:
    """Whether an object without the key `error` reports one all the same."""
    if value.get("choices") or value.get("usage"):
        return False
    if value.get("object") == "error" or value.get("type") == "error":
        return True
    if value.get("success") is False or value.get("ok") is False:
        return True
    has_code = any(_is_code(value.get(name)) for name in CODE_KEYS)
    if any(isinstance(value.get(name), str) and value[name] for name in ERROR_KEYS):
        return has_code or not any(name in value for name in CODE_KEYS)
    if not any(isinstance(value.get(name), str) and value[name] for name in SENTENCE_KEYS):
        return isinstance(value.get("detail"), str | list | dict) and bool(value["detail"]) and "id" not in value
    if has_code:
        return True
    kind = next((value[name] for name in TYPE_KEYS if value.get(name)), "")
    return isinstance(kind, str) and IS_ERROR_TYPE.search(kind) is not None


def _report(inner: object, outer: dict[str, Any]) -> Report:
    """From an error object, which may be a string, a list or true, and the object that it stands in."""
    if isinstance(inner, list):
        inner = next((item for item in inner if isinstance(item, dict)), inner)
    fields = inner if isinstance(inner, dict) else {}
    nested = fields.get("error") if isinstance(fields.get("error"), dict) else fields.get("message")
    sources = [source for source in (fields, nested, outer) if isinstance(source, dict)]
    message = _words(inner) or _words({name: outer[name] for name in MESSAGE_KEYS if name in outer and name != "error"})
    metadata = fields.get("metadata")
    if isinstance(metadata, dict) and (raw := _words(metadata.get("raw"))):  # OpenRouter: the provider's own words
        message = f"{message}: {raw}"
    code, kind = _first(sources, CODE_KEYS), _first(sources, TYPE_KEYS)
    inner_code = fields.get("innererror")
    if isinstance(inner_code, dict) and not code:
        code = _short(inner_code.get("code"))
    param = _first(sources, ("param", "parameter")) or _location(fields) or _location(outer)
    return Report(message[:EXCERPT_CHARACTERS], code, kind, param, _status(sources))


def _status(sources: list[dict[str, Any]]) -> int | None:
    """The HTTP status of an error that a report names, as a number, as its digits or by its name in gRPC."""
    for source in sources:
        for name in (*CODE_KEYS, "status", "http_status"):
            value = source.get(name)
            if isinstance(value, str):
                if value in STATUS_BY_NAME:
                    return STATUS_BY_NAME[value]
                value = int(value) if value.isdecimal() and len(value) == 3 else None
            if isinstance(value, int) and 400 <= value < 600:
                return value
    return None


def _first(sources: list[dict[str, Any]], names: tuple[str, ...]) -> str:
    return next((text for source in sources for name in names if (text := _short(source.get(name)))), "")


def _short(value: object) -> str:
    """A code as a string; empty if it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int) or (isinstance(value, str) and value == "error"):
        return ""
    return storable(str(value)[:CODE_CHARACTERS]) if value else ""


def _words(value: object, depth: int = 0) -> str:
    """The sentence in a value of any shape; empty if there is none."""
    if isinstance(value, str):
        return storable(value[:EXCERPT_CHARACTERS].strip())
    if depth > MAX_DEPTH:
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_words(item, depth + 1) for item in value[:MAX_ITEMS])))
    if isinstance(value, dict):
        words = next((words for name in MESSAGE_KEYS if (words := _words(value.get(name), depth + 1))), "")
        place = _path({"detail": [value]})
        return f"{place}: {words}" if place and words else words
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) and depth == 0 else ""


def _location(value: dict[str, Any]) -> str:
    """The parameter that FastAPI's validation names: {"detail": [{"loc": ["body", "stream_options"], "msg"}]}."""
    return _path(value).partition(".")[0]


def _path(value: dict[str, Any]) -> str:
    """Where FastAPI's validation found the fault: "messages.2.role"."""
    detail = value.get("detail") or value.get("details")
    if not isinstance(detail, list) and isinstance(message := value.get("message"), dict):
        detail = message.get("detail")
    first = detail[0] if isinstance(detail, list) and detail else None
    location = first.get("loc") if isinstance(first, dict) else None
    if not isinstance(location, list):
        return ""
    names = [str(name) for name in location[: MAX_ITEMS + 1] if isinstance(name, str | int) and name != "body"]
    return storable(".".join(names)[:CODE_CHARACTERS])
