"""The settings page: name, looks, default model, notifications; tokens for the API; invitations by staff."""

from django import forms
from django.conf import settings as site_settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm, UsernameField
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from chatapp.accounts.invitations import AlreadyHere, invitation_link, invite
from chatapp.accounts.models import Scope, Token
from chatapp.accounts.tokens import (
    MAX_TOKENS,
    TooManyTokens,
    default_lifetime,
    lifetimes,
    revoke,
    revoke_all,
    tokens_of,
)
from chatapp.accounts.tokens import make_token as make_token_of
from chatapp.chats.models import Preferences, Theme
from chatapp.web.shell.context import preferences_of
from chatapp.web.shell.decorators import private
from runs.models import Model


class PreferencesForm(forms.ModelForm):
    name = forms.CharField(
        label="Name", required=False, max_length=150, help_text="How this site calls you. Empty: your username."
    )
    theme = forms.ChoiceField(label="Theme", choices=Theme.choices)
    model = forms.ChoiceField(label="Model for new chats", required=False)
    notifies = forms.BooleanField(
        label="Notify me when an answer is ready",
        required=False,
        help_text="By the browser, while you look at something else. It will ask for your permission.",
    )

    class Meta:
        model = Preferences
        fields = ["theme", "model", "notifies"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].initial = self.instance.user.first_name
        models = Model.objects.filter(enabled=True)
        self.fields["model"].choices = [("", "The site’s default"), *((model.name, model.label) for model in models)]
        self.order_fields(["name", "theme", "model", "notifies"])

    def save(self, commit=True):
        user = self.instance.user
        user.first_name = self.cleaned_data["name"]
        user.save(update_fields=["first_name"])
        return super().save(commit)


class TokenForm(forms.Form):
    name = forms.CharField(label="Name", max_length=100, help_text="What it is for, such as “backup script”.")
    scope = forms.ChoiceField(label="May", choices=Scope.choices, initial=Scope.WRITE)
    days = forms.ChoiceField(label="Expires")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, auto_id="token_%s", **kwargs)  # the page's first form has a name, too
        choices = [(str(days or "never"), f"in {days} days" if days else "never") for days in lifetimes()]
        self.fields["days"].choices, self.fields["days"].initial = choices, str(default_lifetime())

    def clean_days(self) -> int | None:
        days = self.cleaned_data["days"]
        return None if days == "never" else int(days)


class InvitationForm(forms.Form):
    username = UsernameField(label="Username", max_length=150)


@require_http_methods(["GET", "POST"])
@private
def settings(request: HttpRequest) -> HttpResponse:
    """One form for what one chooses; the other parts of the page have views of their own."""
    form = PreferencesForm(request.POST or None, instance=_preferences(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("settings")
    return _page(request, form=form)


def _page(request: HttpRequest, status: int | None = None, **parts: object) -> HttpResponse:
    """The whole page, with the given parts instead of fresh ones. What was not accepted is a 422."""
    context = {
        "form": PreferencesForm(instance=_preferences(request)),
        "password_form": _password_form(request),
        "invitation_form": InvitationForm() if may_invite(request.user) else None,
        "token_form": TokenForm(),
        "tokens": tokens_of(request.user),
        "page_name": "settings",
        **parts,
    }
    is_refused = any(getattr(part, "errors", None) for part in parts.values())
    return render(request, "account/settings.html", context, status=status or (422 if is_refused else 200))


def _preferences(request: HttpRequest) -> Preferences:
    found = preferences_of(request.user)
    found.user = request.user
    return found


class _RevokesTokens(forms.Form):
    """Part of both forms below: offered to who has tokens."""

    revoke_tokens = forms.BooleanField(required=False)

    def __init__(self, user, *args, **kwargs):
        super().__init__(user, *args, **kwargs)
        if count := tokens_of(user).count():
            box, is_one = self.fields["revoke_tokens"], count == 1
            box.label = "Also revoke my token" if is_one else f"Also revoke my {count} tokens"
            box.help_text = (
                f"Programs that use {'it' if is_one else 'them'} lose access at once. "
                f"Do so if somebody else may know {'it' if is_one else 'a token'}."
            )
        else:
            del self.fields["revoke_tokens"]


class ChangePasswordForm(_RevokesTokens, PasswordChangeForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)  # the page would open in its middle


class ChoosePasswordForm(_RevokesTokens, SetPasswordForm):
    """For a user who logs in with links only: there is no old password."""


def _password_form(request: HttpRequest, *data) -> SetPasswordForm:
    form = ChangePasswordForm if request.user.has_usable_password() else ChoosePasswordForm
    return form(request.user, *data)


@sensitive_post_parameters()
@require_POST
@private
def password(request: HttpRequest) -> HttpResponse:
    """Change the password. Every other session of the user ends; this one goes on under a new key."""
    form = _password_form(request, request.POST)
    if not form.is_valid():
        return _page(request, password_form=form)
    with transaction.atomic():
        update_session_auth_hash(request, form.save())
        if form.cleaned_data.get("revoke_tokens"):
            revoke_all(request.user)
    messages.success(request, "Your password has been changed. Everywhere else you are logged out.")
    return redirect("settings")


@require_POST
@private
def make_token(request: HttpRequest) -> HttpResponse:
    """A token for the API, shown this once: only its hash is kept. So the page itself is the answer."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, token_form=form)
    try:
        made, text = make_token_of(request.user, **form.cleaned_data)
    except TooManyTokens:
        messages.error(request, f"You have {MAX_TOKENS} tokens. Revoke one first.")
        return redirect("settings")
    response = _page(request, made_token=made, new_token=text)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@private
def revoke_token(request: HttpRequest, uuid) -> HttpResponse:
    revoke(get_object_or_404(Token, uuid=uuid, user=request.user))
    messages.success(request, "The token has been revoked.")
    return redirect("settings")


def may_invite(user) -> bool:
    return user.is_staff and user.has_perm("auth.add_user")


@require_POST
@private
def make_invitation(request: HttpRequest) -> HttpResponse:
    """Staff invites somebody: the user is made, and the link with which he chooses his password is shown."""
    if not may_invite(request.user):
        return HttpResponse(status=404)
    form = InvitationForm(request.POST)
    invitation = _invitation(form, request.user)
    if invitation is None:
        return _page(request, invitation_form=form)
    user, token = invitation
    link = invitation_link(token, request.build_absolute_uri("/").rstrip("/"))
    days = f"{site_settings.INVITATION_DAYS:g}"
    response = _page(request, invited=user, invitation=link, invitation_days=days)
    response["Cache-Control"] = "no-store"
    return response


def _invitation(form: InvitationForm, by: AbstractBaseUser) -> tuple[AbstractBaseUser, str] | None:
    """The user whom the form names, and a token; None, and the form says why."""
    if not form.is_valid():
        return None
    try:
        return invite(form.cleaned_data["username"], by)
    except AlreadyHere:
        form.add_error("username", "There is a user of this name already, who cannot be invited again.")
    except ValidationError as error:
        form.add_error("username", error.messages[0])
    return None
