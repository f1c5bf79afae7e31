"""The settings page: preferences and password here; tokens and invitations post to their own modules."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from chatapp.accounts.tokens import revoke_all, tokens_of
from chatapp.chats.models import Preferences
from chatapp.web.account.forms import InvitationForm, PreferencesForm, TokenForm, password_form
from chatapp.web.shell.context import preferences_of
from chatapp.web.shell.decorators import post_only, private
from chatapp.web.shell.shown_once import carried, shown


@require_http_methods(["GET", "POST"])
@private
def edit_settings(request: HttpRequest) -> HttpResponse:
    """GET shows the whole page; POST saves the preferences."""
    form = PreferencesForm(request.POST or None, instance=_preferences(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("settings")
    return shown(request, settings_page(request, form=form, secret=carried(request)))


@sensitive_post_parameters()
@post_only
@private
def change_password(request: HttpRequest) -> HttpResponse:
    """End all other log-ins of the user; this one continues under a new session key."""
    form = password_form(request.user, request.POST)
    if not form.is_valid():
        return settings_page(request, password_form=form)
    with transaction.atomic():
        update_session_auth_hash(request, form.save())
        if form.cleaned_data.get("revoke_tokens"):
            revoke_all(request.user)
    messages.success(request, "Password changed. You have been logged out everywhere else.")
    return redirect("settings")


def settings_page(request: HttpRequest, **context: object) -> HttpResponse:
    """The whole page. `context` replaces fresh forms by bound ones; if one of those has errors, the status is 422."""
    defaults = {
        "form": PreferencesForm(instance=_preferences(request)),
        "password_form": password_form(request.user),
        "invitation_form": InvitationForm() if can_invite(request.user) else None,
        "token_form": TokenForm(),
        "tokens": tokens_of(request.user),
        "page_name": "settings",
    }
    is_invalid = any(getattr(value, "errors", None) for value in context.values())
    return render(request, "account/settings.html", defaults | context, status=422 if is_invalid else 200)


def can_invite(user: AbstractBaseUser) -> bool:
    return user.is_staff and user.has_perm("auth.add_user")


def _preferences(request: HttpRequest) -> Preferences:
    preferences = preferences_of(request.user)
    preferences.user = request.user
    return preferences
