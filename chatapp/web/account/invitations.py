"""Invitations: staff create them, and the invited user accepts one by choosing a password."""

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from chatapp.accounts.invitations import UsernameTaken, accept, invitation_link, invite, invited_by
from chatapp.accounts.links import token_in
from chatapp.web.account.forms import InvitationForm, NewPasswordForm
from chatapp.web.account.login import link_page
from chatapp.web.account.settings import can_invite, settings_page
from chatapp.web.shell.decorators import post_only, private
from chatapp.web.shell.shown_once import carry


@require_GET
@private
def show_people(request: HttpRequest) -> HttpResponse:
    if not can_invite(request.user):
        return HttpResponse(status=404)
    return settings_page(request, "people", InvitationForm())


@post_only
@private
def create_invitation(request: HttpRequest) -> HttpResponse:
    """Create the user and show the link, once, on which they choose a password."""
    if not can_invite(request.user):
        return HttpResponse(status=404)
    form = InvitationForm(request.POST)
    invitation = _invite(form, request.user)
    if invitation is None:
        return settings_page(request, "people", form)
    user, token = invitation
    link = invitation_link(token, request.build_absolute_uri("/").rstrip("/"))
    days = f"{settings.INVITATION_DAYS:g} day{pluralize(settings.INVITATION_DAYS)}"
    label = f"Invitation link for {user}. It works once, within {days}."
    return carry(request, redirect("people"), id="invitation", label=label, value=link)


def _invite(form: InvitationForm, by: AbstractBaseUser) -> tuple[AbstractBaseUser, str] | None:
    """The invited user and the link's token; None if the form has errors."""
    if not form.is_valid():
        return None
    try:
        return invite(form.cleaned_data["username"], by)
    except UsernameTaken:
        form.add_error("username", "This username is already taken.")
    except ValidationError as error:
        form.add_error("username", error.messages[0])
    return None


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept_invitation(request: HttpRequest) -> HttpResponse:
    """A POST with the token shows the password form; a second one, with a password, uses the token up."""
    if request.method != "POST":
        return link_page(request, is_invitation=True)
    token = token_in(request.POST.get("token", ""))
    user = invited_by(token)
    if user is None:
        return render(request, "account/invitation_expired.html", status=403)
    form = NewPasswordForm(user, request.POST if "new_password1" in request.POST else None)
    if form.is_valid():
        user = accept(token, form.cleaned_data["new_password1"])
        if user is None:
            return render(request, "account/invitation_expired.html", status=403)
        login(request, user)
        return redirect("home")
    context = {"form": form, "invited": user, "token": token}
    return render(request, "account/invitation.html", context, status=422 if form.errors else 200)
