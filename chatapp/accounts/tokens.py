"""Make, list and revoke tokens. The settings page, the API and `manage.py token` call the same functions."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from chatapp.accounts.models import Scope, Token

MAX_TOKENS = 50  # of one user, those that have expired not counted
LIFETIMES_DAYS = (7, 30, 90, 365)
DEFAULT_DAYS = 90
KEPT_DAYS = 30  # days for which a token that has expired is still shown, as such


class TooManyTokens(Exception):
    """A user has so many tokens and no more."""


class LifetimeRefused(Exception):
    """This site lets no token live for so long."""


def lifetimes() -> list[int | None]:
    """The days a token may be given, the shortest first; None: it never expires, where `TOKEN_MAX_DAYS` allows it."""
    longest = settings.TOKEN_MAX_DAYS
    if longest <= 0:
        return [*LIFETIMES_DAYS, None]
    return [days for days in LIFETIMES_DAYS if days < longest] + [longest]


def default_lifetime() -> int:
    """Days."""
    return min(DEFAULT_DAYS, settings.TOKEN_MAX_DAYS) if settings.TOKEN_MAX_DAYS > 0 else DEFAULT_DAYS


@transaction.atomic
def make_token(user: AbstractBaseUser, name: str, scope: Scope, days: int | None) -> tuple[Token, str]:
    """A new token and its text, which is kept nowhere. Raises TooManyTokens, LifetimeRefused.

    Any number of days up to the longest allowed will do; None: for ever.
    """
    if settings.TOKEN_MAX_DAYS > 0 and (days is None or days > settings.TOKEN_MAX_DAYS):
        raise LifetimeRefused
    get_user_model().objects.select_for_update(no_key=True).get(pk=user.pk)  # else two at once would be one too many
    tokens = Token.objects.filter(user=user)
    tokens.filter(expiry__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()
    if tokens.filter(Q(expiry=None) | Q(expiry__gt=timezone.now())).count() >= MAX_TOKENS:
        raise TooManyTokens
    expiry = None if days is None else timedelta(days=days)
    return Token.objects.create(user, expiry=expiry, name=name, scope=scope)


def tokens_of(user: AbstractBaseUser) -> QuerySet[Token]:
    return Token.objects.filter(user=user).order_by("-created")


def revoke(token: Token) -> None:
    """From now on nobody gets in with it; what is being followed with it ends with the next heartbeat."""
    token.delete()


def revoke_all(user: AbstractBaseUser) -> int:
    """Revoke every token of `user`; how many there were."""
    return tokens_of(user).delete()[0]
