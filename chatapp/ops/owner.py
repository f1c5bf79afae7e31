"""The owner of a new site, and the link that logs them in once."""

from django.contrib.auth import get_user_model
from django.urls import reverse
from sesame.utils import get_query_string

USERNAME = "owner"


def ensure_owner():
    """A superuser who can log in: `owner`, else the oldest one, else a new `owner` without a password.

    None if that name belongs to somebody else: nobody is made a superuser behind staff's back.
    """
    User = get_user_model()
    able = User.objects.filter(is_superuser=True, is_active=True)
    owner = able.filter(username=USERNAME).first() or able.order_by("pk").first()
    if owner or User.objects.filter(username=USERNAME).exists():
        return owner
    return User.objects.create_superuser(USERNAME, password=None)


def login_link(user, site: str) -> str:
    """An address that logs `user` in, once, within `SESAME_MAX_AGE` seconds. `site` has no slash at its end."""
    return f"{site}{reverse('login_link')}{get_query_string(user)}"
