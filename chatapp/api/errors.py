"""Errors of the API, in the format of RFC 9457: `{"type", "title", "status", "code", "retryable", …}`.

`code` is stable, `title` is a sentence for users, `detail` has more information if there is any, and `fields` has the
errors of each field. `docs/errors.md` lists every code; a test keeps the list complete.
"""

import logging
from math import ceil
from typing import NamedTuple

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from chatapp.accounts.authentication import TokenExpired
from chatapp.accounts.permissions import ScopeMissing
from chatapp.errors import AppError
from runs import errors

MEDIA_TYPE = "application/problem+json"
TYPES = "tag:chatapp,2026:"  # + code; identifiers, not URLs

log = logging.getLogger(__name__)


class Problem(NamedTuple):
    status: int
    code: str
    title: str
    retryable: bool = False


class ChangedMeanwhile(exceptions.APIException):
    """`If-Match` does not have the current ETag."""

    default_detail = "The ETag in If-Match is not current."


class BodyTooSlow(AppError):
    """The request took too long to arrive."""

    code = "body_too_slow"
    status = 408
    retryable = True


class Gone(exceptions.APIException):
    """The object that the first request with this `Idempotency-Key` created was deleted."""

    default_detail = "It was deleted after the first request with this Idempotency-Key."


_UNAUTHENTICATED = Problem(401, "not_authenticated", "A valid token is needed.")
_FORBIDDEN = Problem(403, "forbidden", "This is not allowed.")
_NOT_FOUND = Problem(404, "not_found", "Not found.")

# Errors of libraries and of the request itself. An AppError has its own.
PROBLEMS: dict[type[Exception], Problem] = {
    exceptions.NotAuthenticated: _UNAUTHENTICATED,
    exceptions.AuthenticationFailed: _UNAUTHENTICATED,
    TokenExpired: Problem(401, "token_expired", "This token has expired. Create a new one."),
    ScopeMissing: Problem(403, "scope_missing", "This token may only read."),
    exceptions.PermissionDenied: _FORBIDDEN,
    PermissionDenied: _FORBIDDEN,
    exceptions.NotFound: _NOT_FOUND,
    Http404: _NOT_FOUND,
    SuspiciousOperation: Problem(400, "bad_request", "The request is malformed."),
    exceptions.ParseError: Problem(400, "malformed", "The request body is not valid JSON."),
    exceptions.MethodNotAllowed: Problem(405, "method_not_allowed", "This method is not allowed here."),
    exceptions.NotAcceptable: Problem(406, "not_acceptable", "The API responds in JSON only."),
    Gone: Problem(410, "gone", "What this request created was deleted."),
    ChangedMeanwhile: Problem(412, "changed_meanwhile", "This was changed in the meantime. Read it again."),
    RequestDataTooBig: Problem(413, "body_too_large", "The request body is too large."),
    exceptions.UnsupportedMediaType: Problem(
        415, "unsupported_media_type", "Send JSON with Content-Type: application/json."
    ),
    exceptions.ValidationError: Problem(422, "invalid", "Some fields are missing or invalid."),
    exceptions.Throttled: Problem(429, "throttled", "Too many requests. Wait a moment.", retryable=True),
}


def exception_handler(exc: Exception, context: dict) -> Response:
    """DRF's hook (`REST_FRAMEWORK["EXCEPTION_HANDLER"]`)."""
    request = context["request"]  # errors are JSON even if the request accepts only a file
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), MEDIA_TYPE
    if problem_of(exc) is None:
        _report(exc, request._request)
        exc = errors.InternalError()
    return problem_response(exc)


def problem_response(exc: Exception, **extra: object) -> Response:
    """The response to `exc`, a known error, with `extra` in its body. For DRF's views."""
    problem = problem_of(exc)
    headers = _headers(exc)
    return Response(_body(exc, problem) | extra, status=problem.status, headers=headers, content_type=MEDIA_TYPE)


def plain_response(exc: Exception, headers: dict[str, str] | None = None) -> JsonResponse:
    """The same for plain Django views, with further `headers`."""
    problem = problem_of(exc)
    headers = _headers(exc) | (headers or {})
    return JsonResponse(_body(exc, problem), status=problem.status, headers=headers, content_type=MEDIA_TYPE)


def problem_of(exc: Exception) -> Problem | None:
    """The HTTP representation of an error; None for unexpected exceptions."""
    return problem_of_kind(type(exc))


def problem_of_kind(kind: type[Exception]) -> Problem | None:
    if issubclass(kind, AppError):
        return Problem(kind.status, kind.code, kind().message, kind.retryable)
    return next((PROBLEMS[each] for each in kind.__mro__ if each in PROBLEMS), None)


def _body(exc: Exception, problem: Problem) -> dict:
    body: dict = problem._asdict() | {"type": TYPES + problem.code}
    if isinstance(exc, errors.SessionBusy):
        body["run"] = str(exc.run_id)
    if isinstance(exc, exceptions.ValidationError):
        body["fields"] = exc.detail
    elif isinstance(exc, exceptions.APIException):
        body["detail"] = str(exc.detail)
    return body


def _headers(exc: Exception) -> dict[str, str]:
    headers = {}
    if getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = exc.auth_header
    if wait := getattr(exc, "wait", None) or getattr(exc, "retry_after", None):
        headers["Retry-After"] = str(ceil(wait))  # s
    return headers


def _report(exc: Exception, request: HttpRequest) -> None:
    """Log an unexpected exception and send `got_request_exception` (for Django's test client and monitors)."""
    log.error("%s %s failed", request.method, request.path, exc_info=exc)
    got_request_exception.send(sender=None, request=request)
