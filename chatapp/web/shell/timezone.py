"""Days and times as the reader's clock has them.

The page's script leaves the name of the browser's time zone in a cookie. Where there is none, on a first visit or
without JavaScript, it is the site's zone.
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
def _known() -> frozenset[str]:
    """Only these are looked up: a cookie says anything, and a zone is a file."""
    return frozenset(available_timezones())


def zone_of(request: HttpRequest) -> ZoneInfo | None:
    """The reader's zone; None: the site's."""
    name = unquote(request.COOKIES.get(COOKIE, ""))
    return ZoneInfo(name) if name in _known() else None


@sync_and_async_middleware
def ReaderZone(get_response: Callable):
    """Templates and views of a request see the reader's zone as the current one."""
    if iscoroutinefunction(get_response):

        async def answer(request: HttpRequest) -> HttpResponseBase:
            with timezone.override(zone_of(request)):
                return await get_response(request)
    else:

        def answer(request: HttpRequest) -> HttpResponseBase:
            with timezone.override(zone_of(request)):
                return get_response(request)

    return answer
