"""How large a request's body may be, and how long it may take: known from its path, before anybody asks who sends.

A server that spools a body to the disk before it calls the application (daphne does) is told as early as one that hands
it on piece by piece. The answer to too much has the shape of the part of the site that was asked.
"""

import re
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from chatapp.api.errors import BodyTooSlow, plain_response, problem_of
from chatapp.middleware.headers import completed
from chatapp.openai.errors import error_body
from chatapp.web.chat.attachments import BYTES_A_CHARACTER

SMALL_BYTES = 256 * 1024  # a form without a message in it: a log-in, a title, a token
PARTS_BYTES = 64 * 1024  # of the heads of a form's parts, beside what is in them
WITH_TEXT = re.compile(r"/(api|v1|admin|chats|messages|runs|compare|schedules)(/|$)")  # a message, or a system prompt
WITH_FILES = re.compile(r"/chats(/[^/]+/messages)?$")  # and files as long as a message
WITHOUT_LOG_IN = re.compile(r"/admin/log(in|out)/$")


def most_bytes(path: str) -> int:
    """The largest body that may be sent to a path."""
    if not WITH_TEXT.match(path) or WITHOUT_LOG_IN.match(path):
        return SMALL_BYTES
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if WITH_FILES.match(path):
        most += settings.PROMPT_MAX_CHARACTERS * BYTES_A_CHARACTER + PARTS_BYTES
    return most


def declared_length(headers: list[tuple[bytes, bytes]]) -> int:
    """The largest length that a request announces; 0 if it announces none. Raises Refused for what is no length."""
    lengths = [value for name, value in headers if name == b"content-length"]
    if not all(value.isdigit() for value in lengths):
        raise bad_head()
    return max((int(value[:19]) for value in lengths), default=0)


class Refused(Exception):
    """A body that is not read any further; `reason` is an error of the API's."""

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
    """What a refused request is answered: JSON to programs, a page to people. The connection is closed after it.

    Made anew for each request: what middleware adds to it, cookies above all, belongs to one person.
    """
    root = path.split("/")[1] if path.count("/") > 1 else ""
    response = _answer(root, reason)
    response["Connection"] = "close"
    response["Content-Length"] = str(len(response.content))
    response["Cache-Control"] = "no-store"
    return completed(response)


def _answer(path_root: str, reason: Exception) -> HttpResponse:
    problem = problem_of(reason)
    if path_root == "api":
        return plain_response(reason)
    if path_root == "v1":
        return JsonResponse(error_body(problem.status, problem.code, problem.title), status=problem.status)
    return HttpResponse(render_to_string(f"{problem.status}.html"), status=problem.status)


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler of what it calls suspicious: the same answers, for what is noticed behind the head."""
    kind = RequestDataTooBig if isinstance(exception, RequestDataTooBig) else SuspiciousOperation
    return answer_at(request.path, kind())


def as_http(response: HttpResponse) -> bytes:
    """The response as it goes over the line, for a server that has no application to ask."""
    status = f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}\r\n".encode()
    head = b"".join(f"{name}: {value}\r\n".encode("latin1") for name, value in response.items())
    return status + head + b"\r\n" + response.content
