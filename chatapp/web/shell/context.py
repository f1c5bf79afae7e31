"""What surrounds every page: the list of sessions and how the user wants things to look. A context processor."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from chatapp.chats.models import Preferences
from chatapp.web.shell.sidebar import sidebar


def frame(request: HttpRequest) -> dict[str, object]:
    """Looked up only by templates that use it; nobody is logged in on some pages, and error pages have no user."""
    return {
        "sidebar": SimpleLazyObject(lambda: sidebar(request.user, request.GET.get("before", ""))),
        "preferences": SimpleLazyObject(lambda: preferences_of(getattr(request, "user", None))),
    }


def preferences_of(user) -> Preferences:
    """What a user has chosen, else the defaults, which are not stored."""
    found = Preferences.objects.filter(pk=user.pk).first() if user is not None and user.is_authenticated else None
    return found or Preferences(user_id=user.pk if user is not None else None)
