"""Context processor of all pages: the sidebar and the user's preferences."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from chatapp.chats.models import Preferences
from chatapp.web.shell.sidebar import sidebar


def frame(request: HttpRequest) -> dict[str, object]:
    """Lazy: only templates that use a value query it. Some pages have no logged-in user; error pages have no user."""
    return {
        "sidebar": SimpleLazyObject(lambda: sidebar(request.user, request.GET.get("before", ""))),
        "preferences": SimpleLazyObject(lambda: preferences_of(getattr(request, "user", None))),
    }


def preferences_of(user: AbstractBaseUser | AnonymousUser | None) -> Preferences:
    """The user's saved preferences, else unsaved defaults."""
    saved = Preferences.objects.filter(pk=user.pk).first() if user is not None and user.is_authenticated else None
    return saved or Preferences(user_id=user.pk if user is not None else None)
