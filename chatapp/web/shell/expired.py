"""Requests without a log-in, such as a form of a page whose session has expired: log in, and go back to that page."""

from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme

from chatapp.web.chat.composer import UUID_TEXT
from chatapp.web.chat.drafts import NEW, Draft, chat_on, keep_draft

POST_ONLY = "is_post_only"  # attribute of views that only take forms
UNAUTHORIZED = 401
NOTICE = "You’re logged out. Log in, then try again."


def is_fetch(request: HttpRequest) -> bool:
    """Whether the page's script sent the request, rather than a form or a link."""
    return request.headers.get("X-Requested-With") == "fetch"


def log_in_first(request: HttpRequest) -> HttpResponse:
    """The log-in form, which leads back to the requested page; for a form, to the page it was on.

    A message that was not sent is carried by the log-in form, and not stored before its sender has logged in.
    """
    if request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path())
    page = page_of_form(request)
    if is_fetch(request):  # the page keeps what was typed
        return redirect_to_login(page)
    if (chat := chat_on(page)) and (draft := Draft.posted(request)):
        context = {"form": AuthenticationForm(request), "next": page, "draft": draft, "chat": chat}
        context["sender"] = request.POST.get("sender", "")
        return render(request, "account/login.html", context, status=UNAUTHORIZED)
    messages.info(request, NOTICE)
    return redirect_to_login(page)


def keep_carried_draft(request: HttpRequest) -> None:
    """Keep the message that the log-in form carried for the page of its chat, unless somebody else has logged in."""
    chat, draft = request.POST.get("chat", ""), Draft.posted(request)
    if (chat == NEW or UUID_TEXT.fullmatch(chat)) and draft and request.POST.get("sender") == str(request.user.pk):
        keep_draft(request, chat, draft)


def page_of_form(request: HttpRequest) -> str:
    """The path of the page with the form that was posted: the referring page, or else the one above its address.

    Never a path that only takes POST: a page that displays a form's errors may have such an address.
    """
    referrer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(referrer, {request.get_host()}):
        parts = urlsplit(referrer)
        if _is_page(parts.path):
            return f"{parts.path}?{parts.query}" if parts.query else parts.path
        return _page_above(parts.path)
    return _page_above(request.path)


def _page_above(path: str) -> str:
    while path and not _is_page(path):
        path = path.rpartition("/")[0]
    return path or "/"


def _is_page(path: str) -> bool:
    try:
        return not getattr(resolve(path).func, POST_ONLY, False)
    except Resolver404:
        return False
