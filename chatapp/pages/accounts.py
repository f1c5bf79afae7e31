"""Logging in: with a password, or with a link that works once; and coming for the first time, by invitation."""

from django.contrib.auth import login
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from sesame.views import LoginView as LinkView

from chatapp.accounts.invitations import invited_by


class Login(LoginView):
    template_name = "pages/login.html"
    redirect_authenticated_user = True


class Logout(LogoutView):
    """Also out of what this browser keeps: the way back must not show a chat to whoever comes next."""

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        response["Clear-Site-Data"] = '"cache"'
        return response


class LoginLink(LinkView):
    """The link that the start-up prints. Opening it a second time in the same browser leads home, not to an error."""

    def login_failed(self) -> HttpResponse:
        if self.request.user.is_authenticated:
            return redirect("home")
        return render(self.request, "pages/link_expired.html", status=403)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def accept_invitation(request: HttpRequest) -> HttpResponse:
    """Choose a password. The token stays in the address: it is looked at again when the password comes."""
    user = invited_by(request)
    if user is None:
        return render(request, "pages/invitation_expired.html", status=403)
    form = SetPasswordForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save(), backend="django.contrib.auth.backends.ModelBackend")
        return redirect("home")
    status = 422 if form.errors else 200
    return render(request, "pages/invitation.html", {"form": form, "invited": user}, status=status)
