"""Logging in: with a password, or with a link that works once; and coming for the first time, by invitation."""

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from chatapp.accounts.invitations import accept, invited_by
from chatapp.accounts.links import spend, token_in, user_of, was_used_by
from chatapp.accounts.models import Purpose

OLD_QUERIES = {"sesame", "token"}  # where links had their token before it stood behind the #


class Login(LoginView):
    template_name = "account/login.html"
    redirect_authenticated_user = True


class Logout(LogoutView):
    """Also out of what this browser keeps: the way back must not show a chat to whoever comes next."""

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        response["Clear-Site-Data"] = '"cache"'
        return response


@sensitive_post_parameters("token")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login_link(request: HttpRequest) -> HttpResponse:
    """GET shows a button and changes nothing, whoever looks; POST logs in. The token is in the form, in no address.

    Who is logged in as somebody else is asked first: the link may have come from anybody.
    """
    if request.method != "POST":
        return _page_of_link(request, "account/login_link.html")
    token = token_in(request.POST.get("token", ""))
    user = user_of(token, Purpose.LOGIN)
    if user is not None and _is_another(request, user):
        return render(request, "account/login_instead.html", {"token": token, "person": user})
    user = spend(token, Purpose.LOGIN)
    if user is None:
        return _refused_link(request, token)
    login(request, user)
    return redirect("home")


def _page_of_link(request: HttpRequest, form: str) -> HttpResponse:
    """The form that takes the link; of one that an older version made, that it works no more."""
    if OLD_QUERIES & request.GET.keys():
        return render(request, "account/link_before_update.html", status=403)
    return render(request, form)


def _is_another(request: HttpRequest, user) -> bool:
    """Whether somebody else is logged in here, who has not said that this shall end."""
    here = request.user
    return here.is_authenticated and here != user and request.POST.get("instead_of") != str(here.pk)


def _refused_link(request: HttpRequest, token: str) -> HttpResponse:
    """Opened a second time in the browser that has used it, a link leads home and not to an error."""
    if request.user.is_authenticated and was_used_by(token, Purpose.LOGIN, request.user):
        return redirect("home")
    minutes = f"{settings.LOGIN_LINK_SECONDS / 60:g}"
    return render(request, "account/link_expired.html", {"minutes": minutes}, status=403)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept_invitation(request: HttpRequest) -> HttpResponse:
    """Choose a password: a POST with the token shows the form, a second one with a password spends the token."""
    if request.method != "POST":
        return _page_of_link(request, "account/invitation_link.html")
    token = token_in(request.POST.get("token", ""))
    user = invited_by(token)
    if user is None:
        return render(request, "account/invitation_expired.html", status=403)
    form = SetPasswordForm(user, request.POST if "new_password1" in request.POST else None)
    if form.is_valid():
        user = accept(token, form.cleaned_data["new_password1"])
        if user is None:
            return render(request, "account/invitation_expired.html", status=403)
        login(request, user)
        return redirect("home")
    context = {"form": form, "invited": user, "token": token}
    return render(request, "account/invitation.html", context, status=422 if form.errors else 200)
