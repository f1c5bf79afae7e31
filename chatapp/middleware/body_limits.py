"""Limits for the size and duration of request bodies, by path and before authentication.

They apply in the ASGI application, and in daphne, which spools a body to disk before it calls the application. Errors
have the format of the part of the site.
"""

import re
from errno import EDQUOT, ENOSPC
from http import HTTPStatus
from uuid import uuid4

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from chatapp.api.errors import BodyTooSlow, plain_response, problem_of
from chatapp.files.errors import UploadStorageFull
from chatapp.files.uploads import PARTS_BYTES
from chatapp.middleware.headers import completed
from chatapp.openai.errors import error_body

log = structlog.get_logger(__name__)

SMALL_BYTES = 256 * 1024  # bytes; a form without a message, such as a log-in, a title, a token
# A message, or a system prompt. The log-in carries a message that was sent after the earlier one had expired.
WITH_TEXT = re.compile(r"/((api|v1|admin|chats|messages|runs|compare|schedules)(/|$)|(login|files)$)")
WITH_FILES = re.compile(r"/chats(/[^/]+/messages)?$")  # plus files
UPLOADS = re.compile(r"/((api/)?v1/)?files$")
WITHOUT_LOG_IN = re.compile(r"/admin/log(in|out)/$")


def most_bytes(path: str) -> int:
    """The maximum size of a body for a path, in bytes."""
    if not WITH_TEXT.match(path) or WITHOUT_LOG_IN.match(path):
        return SMALL_BYTES
    if UPLOADS.match(path):
        return settings.UPLOAD_MAX_BYTES + PARTS_BYTES
    if path.startswith("/v1/"):
        return settings.PROGRAM_MAX_BYTES
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if WITH_FILES.match(path):
        most += settings.UPLOAD_MAX_BYTES + PARTS_BYTES
    return most


def most_bytes_of_strangers(path: str) -> int:
    """The maximum size of a body, in bytes, before it is known who sends it.

    A message of a page whose log-in has expired is carried to the log-in, with files that are small. Nothing else has a
    use for what a stranger sends.
    """
    is_message = not path.startswith(("/api/", "/v1/")) and not UPLOADS.match(path)
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE if is_message else SMALL_BYTES
    return min(most, most_bytes(path))


def declared_length(headers: list[tuple[bytes, bytes]]) -> int:
    """The largest declared length; 0 if there is none. Raises Refused if it is malformed."""
    lengths = [value for name, value in headers if name == b"content-length"]
    if not all(value.isdigit() for value in lengths):
        raise bad_head()
    return max((int(value[:19]) for value in lengths), default=0)


class Refused(Exception):
    """Stop reading the body; `reason` is an error of the API."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


def too_large() -> Refused:
    return Refused(RequestDataTooBig())


def too_slow() -> Refused:
    return Refused(BodyTooSlow())


def bad_head() -> Refused:
    return Refused(SuspiciousOperation())


def answer_at(path: str, reason: Exception) -> HttpResponse:
    """The response to a refused request: JSON for programs, a page for people. It closes the connection.

    It has a line in the log with its id, as every other request has. Never cached: middleware adds headers, above all
    cookies, that belong to one user.
    """
    root = path.split("/")[1] if path.count("/") > 1 else ""
    response = _answer(root, reason)
    if "request_id" not in structlog.contextvars.get_contextvars():  # Django, which logs requests, does not see it
        response["X-Request-ID"] = str(uuid4())
        log.warning("request_refused", code=response.status_code, request=path, request_id=response["X-Request-ID"])
    response["Connection"] = "close"
    response["Content-Length"] = str(len(response.content))
    response["Cache-Control"] = "no-store"
    return completed(response)


def _answer(path_root: str, reason: Exception) -> HttpResponse:
    problem = problem_of(reason)
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == HTTPStatus.UNAUTHORIZED else None
    if path_root == "api":
        return plain_response(reason, headers)
    if path_root == "v1":
        body = error_body(problem.status, problem.code, problem.title)
        return JsonResponse(body, status=problem.status, headers=headers)
    return HttpResponse(render_to_string(f"{problem.status}.html"), status=problem.status)


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: the same responses for requests that turn out malformed later."""
    known = isinstance(exception, (RequestDataTooBig, UploadStorageFull))
    return answer_at(request.path, exception if known else SuspiciousOperation())


def too_full(error: OSError) -> Refused:
    """What to tell when a body cannot be kept on the disk. Raises `error` again if that is not why."""
    if error.errno not in (ENOSPC, EDQUOT):
        raise error
    log.error("body_not_kept", error=repr(error))
    return Refused(UploadStorageFull())


def as_http(response: HttpResponse) -> bytes:
    """The response as bytes of HTTP/1.1, for use before the application is called."""
    status = f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}\r\n".encode()
    head = b"".join(f"{name}: {value}\r\n".encode("latin1") for name, value in response.items())
    return status + head + b"\r\n" + response.content
