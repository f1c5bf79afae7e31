"""Requests without a log-in, such as a form of a page whose session has expired: log in, and go back to that page."""

from dataclasses import dataclass
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
TOKEN_FIELD = "csrfmiddlewaretoken"
NOTICE = "You’re logged out. Log in, then try again."


def is_fetch(request: HttpRequest) -> bool:
    """Whether the page's script sent the request, rather than a form or a link."""
    return request.headers.get("X-Requested-With") == "fetch"


@dataclass
class Form:
    """A form that was posted without a log-in. Passwords and files are left out."""

    path: str
    fields: list[tuple[str, str]]

    @classmethod
    def posted(cls, request: HttpRequest) -> "Form | None":
        """None if nothing was typed."""
        posted = [(name, value) for name, values in request.POST.lists() for value in values]
        fields = [(name, value) for name, value in posted if name != TOKEN_FIELD and "password" not in name]
        return cls(request.path, fields) if any(value.strip() for _, value in fields) else None

    @classmethod
    def carried(cls, request: HttpRequest) -> "Form | None":
        """The one in the fields of the log-in form."""
        path = request.POST.get("again", "")
        if not path.startswith("/") or not url_has_allowed_host_and_scheme(path, None):
            return None
        names, values = request.POST.getlist("again_name"), request.POST.getlist("again_value")
        return cls(path, list(zip(names, values, strict=False)))

    @property
    def summary(self) -> str:
        """The longest of the texts."""
        return max((value for _, value in self.fields), key=len, default="")


def log_in_first(request: HttpRequest) -> HttpResponse:
    """The log-in form, which leads back to the requested page; for a form, to the page it was on.

    What was typed is carried by the log-in form, and not stored before its sender has logged in. A message is then in
    its chat's form; any other form is offered to be sent again.
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
    if form := Form.posted(request):
        context = {"form": AuthenticationForm(request), "next": page, "again": form}
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
