"""Who asks, and how: a person's browser, or the script of a page."""

from functools import wraps

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.cache import cache_control

from streams.access import in_request_thread


def private(view):
    """For logged-in users only. Fresh on every visit, yet the browser may keep it for Back."""
    return login_required(cache_control(private=True, no_cache=True)(view))


def is_scripted(request: HttpRequest) -> bool:
    """Whether the page's script asks, and not a form or a link."""
    return request.headers.get("X-Requested-With") == "fetch"


def logged_in_async(view):
    """`login_required` for what is no page: 401 instead of a way to the login form."""

    @wraps(view)
    async def inner(request: HttpRequest, *args, **kwargs) -> HttpResponseBase:
        if not await in_request_thread(lambda: request.user.is_authenticated):
            return HttpResponse(status=401)
        return await view(request, *args, **kwargs)

    return inner
