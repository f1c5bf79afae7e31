"""Decorators for pages (log-in, caching, ownership), and whether a page's script sent the request."""

from collections.abc import Awaitable, Callable
from functools import wraps
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import cache_control

from streams.access import in_request_thread

View = Callable[..., HttpResponseBase]
AsyncView = Callable[..., Awaitable[HttpResponseBase]]


def private(view: View) -> View:
    """Require log-in. The browser revalidates the page on every visit, but may keep it for Back."""
    return login_required(cache_control(private=True, no_cache=True)(view))


def private_object(objects: Callable[[AbstractBaseUser], QuerySet]) -> Callable[[View], View]:
    """`private` for a view of one object, passed instead of its id. 404 if it is not among the user's `objects`."""

    def decorator(view: View) -> View:
        @private
        @wraps(view)
        def inner(request: HttpRequest, pk: UUID) -> HttpResponseBase:
            return view(request, get_object_or_404(objects(request.user), pk=pk))

        return inner

    return decorator


def login_required_async(view: AsyncView) -> AsyncView:
    """`login_required` for endpoints that are not pages: 401 instead of a redirect to the log-in form."""

    @wraps(view)
    async def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not await in_request_thread(lambda: request.user.is_authenticated):
            return HttpResponse(status=401)
        return await view(request, *args, **kwargs)

    return inner


def is_fetch(request: HttpRequest) -> bool:
    """Whether the page's script sent the request, rather than a form or a link."""
    return request.headers.get("X-Requested-With") == "fetch"
