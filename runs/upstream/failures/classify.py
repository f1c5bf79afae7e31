"""What kind of failure a model server's error is.

Its words decide first, because statuses and codes differ between vendors; then its status; then where it came from: the
body of a response, an event of a stream, or a chunk.
"""

import re
from collections.abc import Mapping

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
from runs.upstream.failures.report import Report, excerpt, report_in
from runs.upstream.failures.retry_after import seconds_in_details, seconds_in_headers, seconds_in_words
from runs.upstream.failures.words import (
    BAD_KEY,
    CONTEXT,
    FILTER,
    KEY,
    LOADING,
    MODEL,
    NOT_CONTEXT,
    OVERLOADED,
    QUOTA,
    RATE,
    REGION,
    TRANSIENT,
)

BODY_BYTES = 32 * 1024  # read of the body of an error
BEFORE_DATA = re.compile(r"\s*(?:(?:event|id|retry):[^\n]*\n|:[^\n]*\n)*data:")  # of an error that comes as an event

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


def _kind_of(report: Report, status: int | None) -> type[UpstreamError]:
    """The first kind that fits. The order matters: an exhausted quota often has the status of a rate limit."""
    number = status or report.status
    if report.says(CONTEXT) and (report.has_code(CONTEXT) or not NOT_CONTEXT.search(report.words)):
        return UpstreamContextTooLong
    if report.says(QUOTA):
        return UpstreamQuotaExhausted
    if report.says(FILTER):
        return UpstreamFiltered
    if number != 401 and report.says(LOADING):
        return UpstreamLoading
    if number == 429 or report.has_code(RATE):
        return UpstreamRateLimited
    if number == 529 or report.says(OVERLOADED):
        return UpstreamUnavailable
    if report.says(BAD_KEY) or (number == 403 and KEY.search(report.words)):
        return UpstreamUnauthorized
    if report.says(REGION):
        return UpstreamForbidden
    if report.has_code(MODEL) or (number in (None, 400, 404, 422) and report.says(MODEL)):
        return UpstreamNotFound
    if status is None:
        return _kind_in_stream(report)
    return BY_STATUS.get(status, UpstreamFailed if status >= 500 else UpstreamRejected)


def _kind_in_stream(report: Report) -> type[UpstreamError]:
    """A number in the report says who is at fault; that of a gateway says nothing about the model's server."""
    if report.status is not None and report.status < 500 and report.status in BY_STATUS:
        return BY_STATUS[report.status]
    if report.status is None and RATE.pattern.search(report.message):
        return UpstreamRateLimited
    return UpstreamFailed
