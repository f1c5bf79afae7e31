"""Invitations: staff creates a user, who chooses a password through a link. There is no other way to register.

Only an account that was created by an invitation can be invited again, and only until its first log-in: an invitation
to any other account would hand it over.
"""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from chatapp.accounts.links import address, make_link, redeem, user_of
from chatapp.accounts.models import OneTimeLink, Purpose
from chatapp.errors import AppError


class UsernameTaken(AppError):
    """There is a user of this name already, who cannot be invited."""

    code = "already_here"
    status = 409


def invite(username: str, by: AbstractBaseUser | None = None) -> tuple[AbstractBaseUser, str]:
    """Create a user without a password; returns it with the link's token. Earlier links of the user stop working.

    Raises UsernameTaken, or ValidationError for an invalid username.
    """
    User = get_user_model()
    username = User.normalize_username(username.strip())
    try:
        with transaction.atomic():
            user = User.objects.filter(username__iexact=username).first()
            if user is None:
                user = User(username=username)
                user.set_unusable_password()
                user.full_clean()
                user.save()
            elif not can_be_invited(user):
                raise UsernameTaken
            OneTimeLink.objects.filter(user=user, purpose=Purpose.INVITATION).delete()
            lifetime = timedelta(days=settings.INVITATION_DAYS)
            return user, make_link(user, Purpose.INVITATION, lifetime, made_by=by)
    except IntegrityError:  # concurrent invitations of the same new user
        raise UsernameTaken from None


def can_be_invited(user: AbstractBaseUser) -> bool:
    """Whether an invitation created this account and it has not been used since."""
    is_unused = user.is_active and user.last_login is None and not user.has_usable_password()
    if not is_unused or user.is_staff or user.is_superuser:
        return False
    return OneTimeLink.objects.filter(user=user, purpose=Purpose.INVITATION).exists()


def invitation_link(token: str, site: str) -> str:
    """The link for choosing a password. `site` has no trailing slash."""
    return address("invitation", token, site)


def invited_by(token: str) -> AbstractBaseUser | None:
    """The invited user; None: the link is expired, used, replaced or forged."""
    user = user_of(token, Purpose.INVITATION)
    return user if user is not None and can_be_invited(user) else None


@transaction.atomic
def accept(token: str, password: str) -> AbstractBaseUser | None:
    """Set the invited user's password. None: the invitation is no longer valid."""
    user = redeem(token, Purpose.INVITATION)
    if user is None or not can_be_invited(user):
        return None
    user.set_password(password)
    user.save(update_fields=["password"])
    return user
