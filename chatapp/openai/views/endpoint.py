"""The base of all endpoints: authentication, methods, and the format of errors."""

from collections.abc import Callable, Coroutine
from functools import partial, wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from chatapp.accounts.authentication import authenticated, viewer_with
from chatapp.accounts.throttles import FOLLOWS, PROGRAMS
from chatapp.openai.errors import MethodNotAllowed, Refusal, UnknownURL, error_response
from streams.access import Viewer, in_request_thread

IGNORED = "X-Chatapp-Ignored-Parameters"
KEY_CHARACTERS = 255  # of an Idempotency-Key
MAX_IGNORED_CHARACTERS = 1_000  # of that header


class Client:
    """An authenticated client: its user, and a viewer whose access ends with the token.

    `ignored` names the parameters of its request that had no effect.
    """

    def __init__(self, user, viewer: Viewer) -> None:
        self.user, self.viewer = user, viewer
        self.ignored: list[str] = []


def idempotency_key(request: HttpRequest) -> str:
    """The request's `Idempotency-Key`; empty if it has none. Raises Refusal."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > KEY_CHARACTERS or not key.isprintable():
        raise Refusal(f"Idempotency-Key has at most {KEY_CHARACTERS} printable characters.", "Idempotency-Key")
    return key


View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def endpoint(*, starts_runs: bool = False, otherwise: View | None = None, **views: View) -> View:
    """Create the view of one URL from a function for each method: `endpoint(get=…, post=…)`.

    Each function gets the request and the client. HEAD is answered like GET, and methods that are not named with
    `otherwise`. With `starts_runs` a POST counts towards
    the throttle of programs. A GET of a stream counts towards that of follows.
    """

    @csrf_exempt  # cookies are ignored
    async def view(request: HttpRequest, **named: object) -> HttpResponseBase:
        client = None
        try:
            scope = PROGRAMS if starts_runs and request.method == "POST" else FOLLOWS if is_stream(request) else ""
            client = await in_request_thread(_client_of, request, scope)
            chosen = views.get("get" if request.method == "HEAD" else request.method.lower(), otherwise)
            if chosen is None:
                raise MethodNotAllowed(f"Method not allowed: {request.method[:20]}.")
            return _with_ignored(await chosen(request, client, **named), client.ignored)
        except Exception as exc:
            return _with_ignored(_refused(exc, request, views), client.ignored if client else [])

    view.methods = [method.upper() for method in views]  # for tests that walk the URL map
    return view


def is_stream(request: HttpRequest) -> bool:
    """Whether a GET requests a stream: `?stream=true`."""
    return request.method == "GET" and request.GET.get("stream", "").lower() in ("true", "1")


def _with_ignored(response: HttpResponseBase, names: list[str]) -> HttpResponseBase:
    """Name the ignored parameters in a header. Clients chose the names: what is not printable ASCII is left out."""
    if printable := [name for name in names if name.isascii() and name.isprintable()]:
        response[IGNORED] = ", ".join(printable)[:MAX_IGNORED_CHARACTERS]
    return response


def _client_of(request: HttpRequest, scope: str) -> Client:
    user, token = authenticated(request, scope)
    return Client(user, viewer_with(user, token))


def with_database(function: Callable) -> Callable:
    """Decorate a function that uses the database: it is awaited, and runs in the request's thread."""

    @wraps(function)
    async def inner(*args, **named):
        return await in_request_thread(partial(function, *args, **named))

    return inner


def _refused(exc: Exception, request: HttpRequest, views: dict[str, View]) -> HttpResponseBase:
    response = error_response(exc, request)
    if isinstance(exc, MethodNotAllowed):
        response["Allow"] = ", ".join(name.upper() for name in views)
    return response


async def _missing(request: HttpRequest, client: Client) -> HttpResponseBase:
    raise UnknownURL(f"Unknown URL: {request.method} {request.path[:200]}.")


missing = endpoint(get=_missing, post=_missing, put=_missing, patch=_missing, delete=_missing, otherwise=_missing)
