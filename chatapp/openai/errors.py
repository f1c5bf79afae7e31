"""Errors in the format of OpenAI's API: `{"error": {"message", "type", "param", "code"}}`.

`docs/openai.md` lists the codes that only this API has; all others are in docs/errors.md.
"""

import logging
from math import ceil

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions

from chatapp.errors import AppError
from chatapp.files.errors import FileRefused
from runs import errors
from streams.transports.connection_limit import TooManyConnections

log = logging.getLogger(__name__)


class Refusal(AppError):
    """A request that is refused. `param` names the parameter at fault; `code` is stable."""

    status, code = 400, "invalid_value"

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message=message)
        self.param = param


class MissingParameter(Refusal):
    code = "missing_required_parameter"


class UnsupportedParameter(Refusal):
    """A parameter of OpenAI's API that this site does not support."""

    code = "unsupported_parameter"


class MalformedBody(Refusal):
    code = "malformed"


class MethodNotAllowed(Refusal):
    status, code = 405, "method_not_allowed"


class UnknownURL(Refusal):
    status, code = 404, "unknown_url"


class ResponseNotFound(Refusal):
    status, code = 404, "response_not_found"


class ItemNotFound(Refusal):
    status, code = 404, "item_not_found"


class ConversationNotFound(Refusal):
    status, code = 404, "conversation_not_found"


class ConversationMismatch(Refusal):
    """The messages of a request are not those of the chat that it continues."""

    status, code = 409, "conversation_mismatch"


class FileNotFound(Refusal):
    status, code = 404, "file_not_found"


class SummaryIncomplete(Refusal):
    """The model has not finished its summary of a conversation."""

    status, code = 502, "summary_incomplete"


class TooManyWaiting(Refusal):
    """More requests of one WebSocket are unfinished than may be."""

    status, code = 429, "too_many_requests"


class PreviousNotFound(Refusal):
    status, code = 400, "previous_response_not_found"


class PreviousNotFinal(Refusal):
    status, code = 409, "previous_response_not_final"


RUN_STATUS: dict[str, int] = {  # code of a failed run -> status; 500 for other codes
    errors.ModelUnknown.code: 404,
    errors.ModelForbidden.code: 404,
    errors.ModelMissing.code: 503,
    errors.PromptEmpty.code: 400,
    errors.PromptTooLong.code: 400,
    errors.TooManyAttachments.code: 400,
    errors.ContextTooLong.code: 400,
    errors.QuotaExceeded.code: 413,
    errors.TooManyRuns.code: 429,
    errors.TooManySends.code: 429,
    errors.BrokerUnavailable.code: 503,
    errors.SessionBusy.code: 409,
    errors.KeyReused.code: 422,
    errors.QueueTimeLimit.code: 503,
    errors.UpstreamRateLimited.code: 429,
    errors.UpstreamRejected.code: 400,
    errors.UpstreamContextTooLong.code: 400,
    errors.UpstreamForbidden.code: 502,
    errors.UpstreamQuotaExhausted.code: 429,
    errors.UpstreamLoading.code: 503,
    errors.UpstreamRedirected.code: 502,
    errors.UpstreamTimeout.code: 504,
    errors.UpstreamUnavailable.code: 503,
    errors.UpstreamUnreachable.code: 502,
    errors.UpstreamDropped.code: 502,
    errors.UpstreamUnauthorized.code: 502,
    errors.UpstreamNotFound.code: 502,
    errors.UpstreamFailed.code: 502,
    errors.UpstreamGarbage.code: 502,
    errors.UpstreamTooLarge.code: 502,
    errors.UpstreamInterrupted.code: 502,
    errors.EmptyAnswer.code: 502,
    errors.UpstreamSilent.code: 504,
    errors.TimeLimit.code: 504,
}
TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
NAMES = {  # codes that clients expect
    errors.ModelUnknown.code: "model_not_found",
    errors.ModelForbidden.code: "model_not_found",
    errors.ContextTooLong.code: "context_length_exceeded",
    errors.PromptTooLong.code: "context_length_exceeded",
    errors.UpstreamContextTooLong.code: "context_length_exceeded",
    errors.SessionBusy.code: "conversation_locked",
    "not_authenticated": "invalid_api_key",
}


class RunFailed(AppError):
    """A run that did not complete, with the error from its final event.

    What the worker has retried in vain, clients should not: their attempts would multiply with ours. `upstream` is what
    a model server said about a request that it refused: `status`, `message`, `code`, `param`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        retryable: bool,
        retry_after: float | None = None,
        upstream: dict | None = None,
        retried: bool = False,
    ) -> None:
        upstream = upstream or {}
        super().__init__(message=upstream.get("message") or message)
        self.code, self.status, self.param = code, RUN_STATUS.get(code, 500), upstream.get("param")
        if code == errors.UpstreamRejected.code:
            self.status = upstream.get("status", self.status)
        self.retryable, self.retry_after = retryable and not retried, retry_after
        own_code = NAMES.get(code, code)
        self.public_code = own_code if own_code in NAMES.values() else upstream.get("code") or own_code


def error_response(exc: Exception, request: HttpRequest) -> JsonResponse:
    """The response to any exception. Unexpected ones are logged and sent as `got_request_exception`."""
    match exc:
        case Refusal():
            return _response(exc.status, exc.code, exc.message, exc.param)
        case RunFailed():
            response = _response(exc.status, exc.public_code, exc.message, exc.param, exc.retryable)
            return _wait(response, exc.retry_after)
        case errors.RunError():
            param = "model" if isinstance(exc, errors.ModelUnknown) else None
            response = _response(RUN_STATUS.get(exc.code, 500), exc.code, exc.message, param, exc.retryable)
            return _wait(response, exc.retry_after)
        case FileRefused():
            return _response(400 if exc.status == 422 else exc.status, exc.code, exc.message, retryable=exc.retryable)
        case exceptions.Throttled():
            return _wait(_response(429, "throttled", "Too many requests. Wait a moment.", retryable=True), exc.wait)
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return _challenge(_response(401, "invalid_api_key", "A valid token is needed."), exc)
        case exceptions.PermissionDenied():
            return _challenge(_response(403, "scope_missing", "This token may only read."), exc)
        case RequestDataTooBig():
            return _response(413, "body_too_large", "The request body is too large.")
        case TooManyConnections():
            return _wait(_response(exc.status, exc.code, exc.message, retryable=exc.retryable), exc.retry_after)
        case SuspiciousOperation():
            return _response(400, "bad_request", "The request is malformed.")
        case Http404():
            return _response(404, "not_found", "Not found.")
    log.error("%s %s failed", request.method, request.path, exc_info=exc)
    got_request_exception.send(sender=None, request=request)
    unforeseen = errors.InternalError()
    return _response(500, unforeseen.code, unforeseen.message, retryable=True)


def error_body(status: int, code: str, message: str, param: str | None = None) -> dict:
    kind = TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": NAMES.get(code, code)}}


def _response(
    status: int, code: str, message: str, param: str | None = None, retryable: bool | None = None
) -> JsonResponse:
    response = JsonResponse(error_body(status, code, message, param), status=status)
    if retryable is not None:
        response["X-Should-Retry"] = str(retryable).lower()  # respected by OpenAI's clients
    return response


def _challenge(response: JsonResponse, exc: Exception) -> JsonResponse:
    response["WWW-Authenticate"] = getattr(exc, "auth_header", None) or "Bearer"
    return response


def _wait(response: JsonResponse, seconds: float | None) -> JsonResponse:
    if seconds:
        response["Retry-After"] = str(ceil(seconds))
    return response
