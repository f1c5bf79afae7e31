"""Invitations: staff names a user, who chooses a password by a link. There is no other way to register.

The link is a django-sesame token with a scope of its own. It may be opened as often as one likes (mail programs look at
links) and is spent when a password has been chosen, because the token covers the password.
"""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.urls import reverse
from sesame.utils import get_query_string, get_user

SCOPE = "invitation"
DAY_SECONDS = 24 * 3600


class AlreadyHere(Exception):
    """There is a user of this name who needs no invitation."""


def invite(username: str):
    """A user who cannot log in yet; one who was invited before and has not come is invited again.

    Raises AlreadyHere, or ValidationError where this is no username.
    """
    User = get_user_model()
    username = User.normalize_username(username.strip())
    user = User.objects.filter(username__iexact=username).first()
    if user is None:
        user = User(username=username)
        user.set_unusable_password()
        user.full_clean()
        user.save()
    elif user.has_usable_password() or user.last_login or not user.is_active:
        raise AlreadyHere
    return user


def invitation_link(user, site: str) -> str:
    """Where `user` chooses a password. `site` has no slash at its end."""
    return f"{site}{reverse('invitation')}{get_query_string(user, scope=SCOPE)}"


def invited_by(request: HttpRequest):
    """Whom the link invites that was opened; None: it has expired, was used or is made up."""
    seconds = settings.INVITATION_DAYS * DAY_SECONDS
    user = get_user(request, scope=SCOPE, max_age=seconds, update_last_login=False)
    return None if user is None or user.has_usable_password() else user
