"""The forms of the settings page (preferences, password, API tokens, invitations) and of one-time links."""

from django import forms
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm, UsernameField
from django.contrib.auth.models import AbstractBaseUser

from chatapp.accounts.links import LONGEST_TEXT
from chatapp.accounts.models import Scope
from chatapp.accounts.people import rename
from chatapp.accounts.tokens import default_lifetime, lifetimes, tokens_of
from chatapp.chats.models import Preferences, Theme
from runs.models import Model


class LinkForm(forms.Form):
    """Displayed only: the views read the token from the POST themselves, so that any text gets the same refusal."""

    token = forms.CharField(
        label="Link",
        max_length=LONGEST_TEXT,
        help_text="Paste the whole link you were given.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )


class PreferencesForm(forms.ModelForm):
    name = forms.CharField(
        label="Display name", required=False, max_length=150, help_text="Leave blank to use your username."
    )
    theme = forms.ChoiceField(label="Theme", choices=Theme.choices)
    model = forms.ChoiceField(label="Model for new chats", required=False)
    notifies = forms.BooleanField(
        label="Notify me when an answer is ready",
        required=False,
        help_text="Your browser notifies you while this page is in the background. It asks for permission first.",
    )

    class Meta:
        model = Preferences
        fields = ["theme", "model", "notifies"]

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].initial = self.instance.user.first_name
        models = Model.objects.for_chats_of(self.instance.user)
        self.fields["model"].choices = [("", "Site default"), *((model.name, model.label) for model in models)]
        self.order_fields(["name", "theme", "model", "notifies"])

    def save(self, commit: bool = True) -> Preferences:
        rename(self.instance.user, self.cleaned_data["name"])
        return super().save(commit)


class TokenForm(forms.Form):
    name = forms.CharField(label="Name", max_length=100, help_text="What the token is for, such as “backup script”.")
    scope = forms.ChoiceField(label="Access", choices=Scope.choices, initial=Scope.WRITE)
    days = forms.ChoiceField(label="Expires")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, auto_id="token_%s", **kwargs)  # the preferences form also has a `name`
        choices = [(str(days or "never"), f"In {days} days" if days else "Never") for days in lifetimes()]
        self.fields["days"].choices = choices
        self.fields["days"].initial = str(default_lifetime())

    def clean_days(self) -> int | None:
        days = self.cleaned_data["days"]
        return None if days == "never" else int(days)


class InvitationForm(forms.Form):
    username = UsernameField(label="Username", max_length=150)


class NewPasswordForm(SetPasswordForm):
    """Django's form of a new password, entered twice, in this site's words."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        again = self.fields["new_password2"]
        again.label, again.help_text = "Confirm new password", "Enter the same password again."


class _RevokeTokensForm(forms.Form):
    """Base of both password forms: a checkbox for users who have tokens."""

    revoke_tokens = forms.BooleanField(required=False)

    def __init__(self, user: AbstractBaseUser, *args: object, **kwargs: object) -> None:
        super().__init__(user, *args, **kwargs)
        if count := tokens_of(user).count():
            box, is_one = self.fields["revoke_tokens"], count == 1
            box.label = "Also revoke my token" if is_one else f"Also revoke my {count} tokens"
            box.help_text = (
                f"Programs that use {'it' if is_one else 'them'} lose access at once. "
                f"Recommended if someone else may know {'it' if is_one else 'one of them'}."
            )
        else:
            del self.fields["revoke_tokens"]


class ChangePasswordForm(_RevokeTokensForm, PasswordChangeForm, NewPasswordForm):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)  # the page would open scrolled down to it


class SetFirstPasswordForm(_RevokeTokensForm, NewPasswordForm):
    """For a user who has only used login links and has no password yet."""


class WelcomeForm(NewPasswordForm):
    """The first password, and the name to display."""

    name = forms.CharField(
        label="Your name", required=False, max_length=150, help_text="Leave blank to use your username."
    )
    field_order = ["name", "new_password1", "new_password2"]

    def __init__(self, user: AbstractBaseUser, *args: object, **kwargs: object) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields["name"].initial = user.first_name
        self.fields["name"].widget.attrs["autocomplete"] = "name"

    def save(self, commit: bool = True) -> AbstractBaseUser:
        rename(self.user, self.cleaned_data["name"])
        return super().save(commit)


def password_form(user: AbstractBaseUser, *data: object) -> SetPasswordForm:
    form_class = ChangePasswordForm if user.has_usable_password() else SetFirstPasswordForm
    return form_class(user, *data)
