"""The people of this site: the name that each goes by, and the site's owner."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

OWNER = "owner"  # the username of a new site's first user


def display_name(user: User) -> str:
    return user.get_full_name() or user.get_username()


def rename(user: User, name: str) -> None:
    """Set the name that the site displays and the API reports. Empty: the username is displayed."""
    user.first_name = name
    user.save(update_fields=["first_name"])


def site_owner() -> User | None:
    """The superuser named `owner`, else the oldest one. None if no active user is a superuser."""
    able = get_user_model().objects.filter(is_superuser=True, is_active=True)
    return able.filter(username=OWNER).first() or able.order_by("pk").first()


def ensure_owner() -> User | None:
    """The site's owner; on a new site, a new `owner` without a password.

    None if that name belongs to another user, who must not become a superuser unnoticed.
    """
    User = get_user_model()
    owner = site_owner()
    if owner or User.objects.filter(username=OWNER).exists():
        return owner
    return User.objects.create_superuser(OWNER, password=None)
