"""What a model server reports as an error: looked for in the shapes that vendors use, and classified.

A report comes as the body of a response whose status is an error, as the body of one whose status is not, as an event
of a stream, or within a chunk. Its words decide first, because statuses and codes differ between vendors; then its
status; then where it came from.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from runs.errors import (
    UpstreamContextTooLong,
    UpstreamError,
    UpstreamFailed,
    UpstreamFiltered,
    UpstreamForbidden,
    UpstreamLoading,
    UpstreamNotFound,
    UpstreamQuotaExhausted,
    UpstreamRateLimited,
    UpstreamRedirected,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from runs.upstream.failures.context_numbers import context_numbers
from runs.upstream.failures.retry_after import seconds_in_details, seconds_in_headers, seconds_in_words
from runs.upstream.failures.words import (
    BAD_KEY,
    CONTEXT,
    CONTEXT_CODES,
    FILTER,
    FILTER_CODES,
    KEY,
    KEY_CODES,
    LOADING,
    LOADING_CODES,
    MODEL,
    MODEL_CODES,
    NOT_CONTEXT,
    OVERLOADED,
    OVERLOADED_CODES,
    QUOTA,
    QUOTA_CODES,
    RATE,
    RATE_CODES,
    REGION,
    REGION_CODES,
    TRANSIENT,
)
from runs.upstream.storable_text import storable

EXCERPT_CHARACTERS = 2_000  # of an upstream's error, for staff
BODY_BYTES = 32 * 1024  # read of the body of an error
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
BEFORE_DATA = re.compile(r"\s*(?:(?:event|id|retry):[^\n]*\n|:[^\n]*\n)*data:")  # of an error that comes as an event
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

BY_STATUS: dict[int, type[UpstreamError]] = {
    401: UpstreamUnauthorized,
    402: UpstreamQuotaExhausted,
    403: UpstreamForbidden,
    404: UpstreamNotFound,
    405: UpstreamNotFound,
    408: UpstreamTimeout,
    409: UpstreamUnavailable,  # another request holds a lock
    410: UpstreamNotFound,
    413: UpstreamContextTooLong,
    423: UpstreamUnavailable,
    424: UpstreamUnavailable,  # what the server needs has failed: its model, mostly
    425: UpstreamUnavailable,
    429: UpstreamRateLimited,
    451: UpstreamForbidden,
    498: UpstreamUnavailable,  # Groq: over capacity
    499: UpstreamTimeout,  # a gateway: it gave up
    502: UpstreamUnavailable,
    503: UpstreamUnavailable,
    504: UpstreamUnavailable,
    **dict.fromkeys(range(520, 531), UpstreamUnavailable),  # Cloudflare; 529: overloaded, everywhere
}
NOT_HELPED_BY_RETRYING = {501, 505, 525, 526}  # not implemented; TLS between a proxy and the server


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

    def has_code(self, codes: set[str]) -> bool:
        return self.code.lower() in codes or self.type.lower() in codes


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


def failure_for(report: Report, detail: str = "", status: int | None = None) -> UpstreamError:
    """The error to raise. `status`: of the response, if it is an error's. `detail`: for staff, else the report."""
    kind = _kind_of(report, status)
    error = kind(detail or excerpt(report._asdict()))
    error.upstream_status = status or report.status
    error.upstream_code = report.code or report.type
    error.upstream_message, error.upstream_param = report.message, report.param
    error.retry_after = seconds_in_words(report.message)
    if isinstance(error, UpstreamContextTooLong):
        error.context_limit, error.context_requested = context_numbers(report.message)
    if kind is UpstreamFailed:
        number = error.upstream_status or 0
        is_fault_of_server = number >= 500 or (not number and TRANSIENT.search(report.words) is not None)
        error.is_transient = is_fault_of_server and number not in NOT_HELPED_BY_RETRYING
    elif error.upstream_status in NOT_HELPED_BY_RETRYING:
        error.is_transient = False
    return error


def failure_of_response(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """The error for a response whose status is not 2xx."""
    text = body.decode(errors="replace")
    detail = f"HTTP {status}: {excerpt(text)}"
    if 300 <= status < 400:
        moved = UpstreamRedirected(f"HTTP {status}, to {headers.get('location', '')[:500]}")
        moved.upstream_status = status
        return moved
    try:
        value: object = orjson.loads(BEFORE_DATA.sub("", text, count=1).strip() or body)
    except ValueError:
        value = text if "<" not in text[:200] else ""
    report = report_in(value, is_error=True) or Report("")
    error = failure_for(report, detail, status)
    pause = seconds_in_headers(headers)
    error.retry_after = pause if pause is not None else seconds_in_details(value) or error.retry_after
    if headers.get("x-should-retry", "").strip().lower() == "false":
        error.is_transient = False
    return error


def excerpt(value: object) -> str:
    """For staff. The repr of a large value takes a second, and that of a deeply nested one fails."""
    if isinstance(value, str):
        return value[:EXCERPT_CHARACTERS].encode(errors="replace").decode()
    try:
        return orjson.dumps(value)[: 4 * EXCERPT_CHARACTERS].decode(errors="replace")[:EXCERPT_CHARACTERS]
    except TypeError:  # orjson's for deep nesting and for lone surrogates
        return f"JSON that cannot be shown ({type(value).__name__})"


def _kind_of(report: Report, status: int | None) -> type[UpstreamError]:
    """The first kind that fits. The order matters: an exhausted quota often has the status of a rate limit."""
    words = report.words
    if report.has_code(CONTEXT_CODES) or (CONTEXT.search(words) and not NOT_CONTEXT.search(words)):
        return UpstreamContextTooLong
    if report.has_code(QUOTA_CODES) or QUOTA.search(words):
        return UpstreamQuotaExhausted
    if report.has_code(FILTER_CODES) or FILTER.search(words):
        return UpstreamFiltered
    number = status or report.status
    if number != 401 and (report.has_code(LOADING_CODES) or LOADING.search(words)):
        return UpstreamLoading
    if number == 429 or report.has_code(RATE_CODES):
        return UpstreamRateLimited
    if number == 529 or report.has_code(OVERLOADED_CODES) or OVERLOADED.search(words):
        return UpstreamUnavailable
    if report.has_code(KEY_CODES) or BAD_KEY.search(words) or (number == 403 and KEY.search(words)):
        return UpstreamUnauthorized
    if report.has_code(REGION_CODES) or REGION.search(words):
        return UpstreamForbidden
    if report.has_code(MODEL_CODES) or (number in (None, 400, 404, 422) and MODEL.search(words)):
        return UpstreamNotFound
    if status is None:
        return _kind_in_stream(report)
    return BY_STATUS.get(status, UpstreamFailed if status >= 500 else UpstreamRejected)


def _kind_in_stream(report: Report) -> type[UpstreamError]:
    """A number in the report says who is at fault; that of a gateway says nothing about the model's server."""
    if report.status is not None and report.status < 500 and report.status in BY_STATUS:
        return BY_STATUS[report.status]
    if report.status is None and RATE.search(report.message):
        return UpstreamRateLimited
    return UpstreamFailed


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
