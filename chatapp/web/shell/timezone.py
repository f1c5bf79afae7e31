"""Dates and times in the reader's time zone.

The page's script stores the browser's time zone in a cookie. Without one, on a first visit or without JavaScript, the
site's zone is used.
"""

from collections.abc import Callable
from functools import cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

COOKIE = "zone"


@cache
def _known_zones() -> frozenset[str]:
    """Only these are opened: a zone is a file, and a cookie is untrusted."""
    return frozenset(available_timezones())


def zone_of(request: HttpRequest) -> ZoneInfo | None:
    """The reader's zone; None if unknown."""
    name = unquote(request.COOKIES.get(COOKIE, ""))
    return ZoneInfo(name) if name in _known_zones() else None


@sync_and_async_middleware
def ReaderZone(get_response: Callable) -> Callable:
    """Make the reader's zone the current one for the views and templates of a request."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            with timezone.override(zone_of(request)):
                return await get_response(request)
    else:

        def middleware(request: HttpRequest) -> HttpResponseBase:
            with timezone.override(zone_of(request)):
                return get_response(request)

    return middleware
