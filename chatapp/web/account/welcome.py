"""The first page of a user who came by a log-in link and has no password: without one, only another link leads back."""

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from chatapp.web.account.forms import WelcomeForm
from chatapp.web.shell.decorators import private


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@private
def welcome(request: HttpRequest) -> HttpResponse:
    """Set a name and a password. A user who has a password goes to the home page."""
    user: User = request.user  # type: ignore[assignment]  # `private` admits no anonymous user
    if user.has_usable_password():
        return redirect("home")
    form = WelcomeForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())
        return redirect("home")
    return render(request, "account/welcome.html", {"form": form}, status=422 if form.errors else 200)
