"""What the endpoints have in common: who asks, which methods there are, and the shape of what goes wrong."""

from collections.abc import Awaitable, Callable
from functools import wraps

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from chatapp.accounts.authentication import authenticated, viewer_with
from chatapp.accounts.throttles import FOLLOWS, RUNS
from chatapp.openai.errors import BadMethod, NoSuchAddress, error_response
from streams.access import Viewer, in_request_thread


class Client:
    """A program with a valid token: the user it acts for, and the viewer it is as long as the token holds."""

    def __init__(self, user, viewer: Viewer) -> None:
        self.user, self.viewer = user, viewer


View = Callable[..., Awaitable[HttpResponseBase]]


def endpoint(*, starts_runs: bool = False, **views: View) -> View:
    """A view of one address, by method: `endpoint(get=…, post=…)`. Each gets the request and the client.

    `starts_runs` says so of its POST, which is throttled as such; a GET of a stream is throttled as following.
    """

    @csrf_exempt  # no cookie is looked at
    async def view(request: HttpRequest, **named: object) -> HttpResponseBase:
        try:
            scope = RUNS if starts_runs and request.method == "POST" else FOLLOWS if is_stream(request) else ""
            client = await in_request_thread(_client_of, request, scope)
            chosen = views.get(request.method.lower())
            if chosen is None:
                raise BadMethod(f"Not allowed here: {request.method[:20]}.")
            return await chosen(request, client, **named)
        except Exception as exc:
            return _refused(exc, request, views)

    view.methods = [method.upper() for method in views]  # for those who walk the URL map
    return view


def is_stream(request: HttpRequest) -> bool:
    """Whether a GET asks for a stream: `?stream=true`."""
    return request.method == "GET" and request.GET.get("stream", "").lower() in ("true", "1")


def _client_of(request: HttpRequest, scope: str) -> Client:
    user, token = authenticated(request, scope)
    return Client(user, viewer_with(user, token))


def reading(function: Callable) -> Callable:
    """Run a view's part that reads or writes the database in the request's thread."""

    @wraps(function)
    async def inner(*args):
        return await in_request_thread(function, *args)

    return inner


def _refused(exc: Exception, request: HttpRequest, views: dict[str, View]) -> HttpResponseBase:
    response = error_response(exc, request)
    if isinstance(exc, BadMethod):
        response["Allow"] = ", ".join(name.upper() for name in views)
    return response


async def _missing(request: HttpRequest, client: Client) -> HttpResponseBase:
    raise NoSuchAddress(f"There is no such address: {request.method} {request.path[:200]}.")


missing = endpoint(get=_missing, post=_missing, put=_missing, patch=_missing, delete=_missing, head=_missing)
