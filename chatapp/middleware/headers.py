"""Headers of all responses: pages, static files, the API, errors."""

from collections.abc import Awaitable, Callable

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase
from django_structlog.signals import bind_extra_request_finished_metadata, update_failure_response

from chatapp.observability.redaction import holds_secret

# Browser features that pages never use. Not listed: notifications (there is no policy for them) and the clipboard,
# which pages write to.
UNUSED = (
    "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone", "midi",
    "payment", "usb",
)  # fmt: skip
ALWAYS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in UNUSED),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Headers:
    """The outermost middleware. Headers that are set already are kept, such as those of SecurityMiddleware."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest):
        if iscoroutinefunction(self._get_response):
            return self._later(request)
        return completed(self._get_response(request), request.path)

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        return completed(await self._get_response(request), request.path)


@receiver([bind_extra_request_finished_metadata, update_failure_response], dispatch_uid="headers.request_id")
def add_request_id(response: HttpResponseBase, **kwargs: object) -> None:
    """Send the id that the request has in the log."""
    response.headers["X-Request-ID"] = structlog.contextvars.get_contextvars().get("request_id", "")


def completed(response: HttpResponseBase, path: str = "/") -> HttpResponseBase:
    """Add the headers to a response. Also called for responses that bypass the middleware."""
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    if holds_secret(path):  # otherwise the Referer of the page's requests, and so proxies' logs, would contain it
        response.headers["Referrer-Policy"] = "no-referrer"
    if (cache := caching(response)) is not None:
        response.headers["Cache-Control"] = cache
    return response


def caching(response: HttpResponseBase) -> str | None:
    """The new Cache-Control of a response; None keeps it.

    Headers of views and static files are kept, with one exception: private data that is not a page becomes `no-store`,
    unless it never changes, as the contents of files.
    Pages stay at `no-cache`: the browser keeps them for Back, which `no-store` forbids.
    """
    declared = response.headers.get("Cache-Control", "")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_page = kind == "text/html"
    if not declared:
        return "private, no-cache" if is_page else "no-store"
    if "private" in declared and not is_page and "no-store" not in declared and "immutable" not in declared:
        return "no-store"
    return None
