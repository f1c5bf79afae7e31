"""Decorators for pages: log-in, caching, ownership, methods."""

from collections.abc import Awaitable, Callable
from functools import wraps
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST

from chatapp.web.shell.expired import POST_ONLY, is_fetch, log_in_first
from streams.access import in_request_thread

View = Callable[..., HttpResponseBase]
AsyncView = Callable[..., Awaitable[HttpResponseBase]]


def private(view: View) -> View:
    """Require log-in. The browser revalidates the page on every visit, but may keep it for Back."""
    cached = cache_control(private=True, no_cache=True)(view)

    @wraps(view)
    def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return cached(request, *args, **kwargs) if request.user.is_authenticated else log_in_first(request)

    return inner


def post_only(view: View) -> View:
    """`require_POST`, marked so that a log-in never leads to the view's address."""
    inner = require_POST(view)
    setattr(inner, POST_ONLY, True)
    return inner


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
    """`private` for endpoints that are not pages: 401 instead of a redirect to the log-in form."""

    @wraps(view)
    async def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not await in_request_thread(lambda: request.user.is_authenticated):
            return HttpResponse(status=401)
        return await view(request, *args, **kwargs)

    return inner


__all__ = ["is_fetch", "login_required_async", "post_only", "private", "private_object"]
