"""The owner of a new site, and one-time log-in links."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model

from chatapp.accounts.links import address, make_link
from chatapp.accounts.models import Purpose

USERNAME = "owner"


def ensure_owner():
    """A superuser who can log in: `owner`, else the oldest one, else a new `owner` without a password.

    None if that name belongs to another user, who must not become a superuser unnoticed.
    """
    User = get_user_model()
    able = User.objects.filter(is_superuser=True, is_active=True)
    owner = able.filter(username=USERNAME).first() or able.order_by("pk").first()
    if owner or User.objects.filter(username=USERNAME).exists():
        return owner
    return User.objects.create_superuser(USERNAME, password=None)


def login_link(user, site: str) -> str:
    """An address that logs `user` in, once, within `LOGIN_LINK_SECONDS`. `site` has no trailing slash."""
    token = make_link(user, Purpose.LOGIN, timedelta(seconds=settings.LOGIN_LINK_SECONDS))
    return address("login_link", token, site)
