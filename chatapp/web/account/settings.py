"""The settings pages: profile and security here; developers and people are in `tokens` and `invitations`."""

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from chatapp.accounts.tokens import revoke_all
from chatapp.chats.models import Preferences
from chatapp.web.account.forms import PreferencesForm, password_form
from chatapp.web.shell.context import preferences_of
from chatapp.web.shell.decorators import post_only, private
from chatapp.web.shell.shown_once import carried, shown
from runs.upstream.servers.catalog import may_manage_models


@require_http_methods(["GET", "POST"])
@private
def edit_profile(request: HttpRequest) -> HttpResponse:
    """The first settings page: the user's name and preferences. POST saves them."""
    form = PreferencesForm(request.POST or None, instance=_preferences(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("settings")
    return settings_page(request, "profile", form)


@require_GET
@private
def show_security(request: HttpRequest) -> HttpResponse:
    return settings_page(request, "security", password_form(request.user))


@sensitive_post_parameters()
@post_only
@private
def change_password(request: HttpRequest) -> HttpResponse:
    """End all other log-ins of the user; this one continues under a new session key."""
    form = password_form(request.user, request.POST)
    if not form.is_valid():
        return settings_page(request, "security", form)
    with transaction.atomic():
        update_session_auth_hash(request, form.save())
        if form.cleaned_data.get("revoke_tokens"):
            revoke_all(request.user)
    messages.success(request, "Password changed. You have been logged out everywhere else.")
    return redirect("security")


def settings_page(request: HttpRequest, name: str, form: forms.BaseForm, **context: object) -> HttpResponse:
    """One of the settings pages, with its form and a secret that was carried here. 422 if the form has errors."""
    context |= {"form": form, "settings_name": name, "page_name": "settings", "can_invite": can_invite(request.user)}
    context["can_manage_models"] = may_manage_models(request.user)
    response = render(
        request, f"account/{name}.html", context | {"secret": carried(request)}, status=422 if form.errors else 200
    )
    return shown(request, response)


def can_invite(user: AbstractBaseUser) -> bool:
    return user.is_staff and user.has_perm("auth.add_user")


def _preferences(request: HttpRequest) -> Preferences:
    preferences = preferences_of(request.user)
    preferences.user = request.user
    return preferences
