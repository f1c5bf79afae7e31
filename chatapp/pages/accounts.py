"""Logging in: with a password, or with a link that works once."""

from django.contrib.auth.views import LoginView
from django.http import HttpResponse
from django.shortcuts import redirect, render
from sesame.views import LoginView as LinkView


class Login(LoginView):
    template_name = "pages/login.html"
    redirect_authenticated_user = True


class LoginLink(LinkView):
    """The link that the start-up prints. Opening it a second time in the same browser leads home, not to an error."""

    def login_failed(self) -> HttpResponse:
        if self.request.user.is_authenticated:
            return redirect("home")
        return render(self.request, "pages/link_expired.html", status=403)
