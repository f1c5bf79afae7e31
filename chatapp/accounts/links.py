"""One-time links: create, check and redeem their tokens.

The token is in the link's fragment. Browsers don't send fragments, so it is in no access log and no referrer, and link
previews learn nothing. The link's page puts the token into a form; only the form's POST redeems it. Of concurrent POSTs
exactly one wins.
"""

import secrets
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from chatapp.accounts.models import OneTimeLink, Purpose
from streams.access import is_auth_hash_valid

TOKEN_BYTES = 32
LONGEST_TEXT = 2000  # characters of pasted text


def make_link(
    user: AbstractBaseUser, purpose: Purpose, lifetime: timedelta, made_by: AbstractBaseUser | None = None
) -> str:
    """Create a link and return its token. Also deletes expired log-in links."""
    now, token = timezone.now(), secrets.token_urlsafe(TOKEN_BYTES)
    OneTimeLink.objects.filter(purpose=Purpose.LOGIN, expires_at__lt=now).delete()
    OneTimeLink.objects.create(
        purpose=purpose,
        user=user,
        digest=_digest(token),
        auth_hash=user.get_session_auth_hash(),
        made_by=made_by,
        expires_at=now + lifetime,
    )
    return token


def login_link(user: AbstractBaseUser, site: str) -> str:
    """An address that logs `user` in, once, within `LOGIN_LINK_SECONDS`. `site` has no trailing slash."""
    token = make_link(user, Purpose.LOGIN, timedelta(seconds=settings.LOGIN_LINK_SECONDS))
    return address("login_link", token, site)


def address(view: str, token: str, site: str) -> str:
    """The link to the page of URL name `view`. `site` has no trailing slash."""
    return f"{site}{reverse(view)}#{token}"


def token_in(text: str) -> str:
    """The token in pasted text: the token alone, or the whole link."""
    return text[:LONGEST_TEXT].rpartition("#")[2].strip()


def user_of(token: str, purpose: Purpose) -> AbstractBaseUser | None:
    """The link's user if it is still valid. Changes nothing."""
    link = _links(token, purpose).filter(used_at=None).select_related("user").first()
    return link.user if link is not None and _is_valid(link, link.user) else None


def was_used_by(token: str, purpose: Purpose, user: AbstractBaseUser) -> bool:
    """Whether `user` has used this link before."""
    return _links(token, purpose).filter(user_id=user.pk, used_at__isnull=False).exists()


@transaction.atomic
def redeem(token: str, purpose: Purpose) -> AbstractBaseUser | None:
    """Redeem the link. Returns its user, or None if it is not valid. Exactly one caller gets the user."""
    link = _links(token, purpose).first()
    if link is None:
        return None
    # Concurrent links of one user: the second sees the password that the first has set.
    user = get_user_model().objects.select_for_update(no_key=True).get(pk=link.user_id)
    if not _is_valid(link, user):
        return None
    is_mine = OneTimeLink.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now())
    return user if is_mine else None


def _links(token: str, purpose: Purpose):
    return OneTimeLink.objects.filter(digest=_digest(token), purpose=purpose)


def _is_valid(link: OneTimeLink, user: AbstractBaseUser) -> bool:
    return user.is_active and link.expires_at > timezone.now() and is_auth_hash_valid(link.auth_hash, user)


def _digest(token: str) -> str:
    return sha256(token.encode(errors="replace")).hexdigest()
