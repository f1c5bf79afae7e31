"""Logging in, with a password or a one-time link, and logging out."""

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from chatapp.accounts.links import redeem, token_in, user_of, was_used_by
from chatapp.accounts.models import Purpose
from chatapp.web.account.forms import LinkForm
from chatapp.web.chat.drafts import Draft
from chatapp.web.shell.expired import Form, keep_carried_draft

OLD_QUERY_NAMES = {"sesame", "token"}  # old links have the token in the query instead of the fragment


class Login(LoginView):
    """With what could not be sent because the earlier log-in had expired: the form carries it."""

    template_name = "account/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        keep_carried_draft(self.request)
        if again := Form.carried(self.request):
            return render(self.request, "account/again.html", {"again": again, "next": self.get_success_url()})
        return response

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        posted = self.request.POST
        carried: dict[str, object] = {"again": Form.carried(self.request)}
        carried |= {"draft": Draft.posted(self.request), "chat": posted.get("chat"), "sender": posted.get("sender")}
        return super().get_context_data(**kwargs) | carried


class Logout(LogoutView):
    """Also clears this site's cache in the browser, so that Back shows no chats to the next person."""

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        response["Clear-Site-Data"] = '"cache"'
        return response


@sensitive_post_parameters("token")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def log_in_by_link(request: HttpRequest) -> HttpResponse:
    """GET shows a button and changes nothing, so a link scanner cannot use the link up; POST logs in.

    The token is in the form, never in the address the server sees. If another user is logged in here, ask first:
    an attacker could have sent the link.
    """
    if request.method != "POST":
        return link_page(request)
    token = token_in(request.POST.get("token", ""))
    user = user_of(token, Purpose.LOGIN)
    if user is not None and _is_logged_in_as_other(request, user):
        return render(request, "account/login_instead.html", {"token": token, "person": user})
    user = redeem(token, Purpose.LOGIN)
    if user is None:
        return _link_refused(request, token)
    login(request, user)
    return redirect("home" if user.has_usable_password() else "welcome")


def link_page(request: HttpRequest, is_invitation: bool = False) -> HttpResponse:
    """The form that takes a link's token; for the address of an outdated link, the page that says so."""
    if OLD_QUERY_NAMES & request.GET.keys():
        return render(request, "account/link_before_update.html", status=403)
    return render(request, "account/link.html", {"form": LinkForm(), "is_invitation": is_invitation})


def _is_logged_in_as_other(request: HttpRequest, user: AbstractBaseUser) -> bool:
    """Whether another user is logged in here and has not confirmed that this log-in should replace theirs."""
    current = request.user
    return current.is_authenticated and current != user and request.POST.get("instead_of") != str(current.pk)


def _link_refused(request: HttpRequest, token: str) -> HttpResponse:
    """In the browser that has used the link before, go to the home page instead of showing an error."""
    if request.user.is_authenticated and was_used_by(token, Purpose.LOGIN, request.user):
        return redirect("home")
    minutes = f"{settings.LOGIN_LINK_SECONDS / 60:g}"
    return render(request, "account/link_expired.html", {"minutes": minutes}, status=403)
