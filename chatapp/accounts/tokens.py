"""Create, list and revoke tokens, for the settings page, the API and `manage.py token`."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from chatapp.accounts.models import Scope, Token
from chatapp.errors import AppError

MAX_TOKENS = 50  # valid ones of one user
LIFETIMES_DAYS = (7, 30, 90, 365)
DEFAULT_DAYS = 90
KEPT_DAYS = 30  # days an expired token stays listed


class TooManyTokens(AppError):
    """You have reached the limit of tokens. Revoke one first."""

    code = "too_many_tokens"
    status = 409


class LifetimeRefused(AppError):
    """This site does not allow tokens with such a long lifetime."""

    code = "lifetime_refused"
    status = 422


def lifetimes() -> list[int | None]:
    """Lifetimes offered for a token, in days, shortest first; None (never expires) where TOKEN_MAX_DAYS allows it."""
    longest = settings.TOKEN_MAX_DAYS
    if longest <= 0:
        return [*LIFETIMES_DAYS, None]
    return [days for days in LIFETIMES_DAYS if days < longest] + [longest]


def default_lifetime() -> int:
    """Days."""
    return min(DEFAULT_DAYS, settings.TOKEN_MAX_DAYS) if settings.TOKEN_MAX_DAYS > 0 else DEFAULT_DAYS


@transaction.atomic
def make_token(user: AbstractBaseUser, name: str, scope: Scope, days: int | None) -> tuple[Token, str]:
    """Create a token; returns it and its secret, which is not stored. Raises TooManyTokens, LifetimeRefused.

    `days`: up to the longest lifetime allowed; None: never expires.
    """
    if settings.TOKEN_MAX_DAYS > 0 and (days is None or days > settings.TOKEN_MAX_DAYS):
        raise LifetimeRefused
    get_user_model().objects.select_for_update(no_key=True).get(pk=user.pk)  # concurrent calls could exceed the limit
    tokens = Token.objects.filter(user=user)
    tokens.filter(expiry__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()
    if tokens.filter(Q(expiry=None) | Q(expiry__gt=timezone.now())).count() >= MAX_TOKENS:
        raise TooManyTokens
    expiry = None if days is None else timedelta(days=days)
    return Token.objects.create(user, expiry=expiry, name=name, scope=scope)


def tokens_of(user: AbstractBaseUser) -> QuerySet[Token]:
    return Token.objects.filter(user=user).order_by("-created")


def revoke(token: Token) -> None:
    """Revoke a token immediately. Streams followed with it end at the next heartbeat."""
    token.delete()


def revoke_all(user: AbstractBaseUser) -> int:
    """Revoke every token of `user`. Returns how many."""
    return tokens_of(user).delete()[0]
