"""A page for 405: an address that only takes forms was opened, or the reverse."""

from collections.abc import Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.template.loader import render_to_string
from django.utils.decorators import sync_and_async_middleware

METHOD_NOT_ALLOWED = 405


@sync_and_async_middleware
def WrongMethodPage(get_response: Callable) -> Callable:
    """Fill empty 405 responses with the page. Those of the APIs have a body already."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            return _with_page(await get_response(request))
    else:

        def middleware(request: HttpRequest) -> HttpResponseBase:
            return _with_page(get_response(request))

    return middleware


def _with_page(response: HttpResponseBase) -> HttpResponseBase:
    if response.status_code == METHOD_NOT_ALLOWED and not response.streaming and not response.content:
        response.content = render_to_string("405.html")
        response["Content-Type"] = "text/html; charset=utf-8"
        response["Content-Length"] = str(len(response.content))
    return response
