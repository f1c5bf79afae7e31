"""Secrets that a page shows once: a token, an invitation. A reload neither shows nor creates it again.

The form's response redirects to the page, and the browser carries the secret there in a cookie; nothing is stored here.
"""

import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "shown_once"
SECONDS = 60  # s until a browser that does not load the page forgets it


def carry(request: HttpRequest, response: HttpResponse, **values: str) -> HttpResponse:
    """Have the browser carry `values` to the page that `response` redirects to."""
    response.set_signed_cookie(
        COOKIE,
        json.dumps(values),
        salt=_salt(request),
        max_age=SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    response["Cache-Control"] = "no-store"
    return response


def carried(request: HttpRequest) -> dict[str, str]:
    """What the browser has carried to this page, for the user who is logged in; usually nothing."""
    return json.loads(request.get_signed_cookie(COOKIE, default="{}", salt=_salt(request), max_age=SECONDS))


def shown(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Have the browser forget what a page has shown, and not keep the page."""
    if COOKIE in request.COOKIES:
        response.delete_cookie(COOKIE, samesite="Strict")
        response["Cache-Control"] = "no-store"
    return response


def _salt(request: HttpRequest) -> str:
    return f"{COOKIE}:{request.user.pk}"
