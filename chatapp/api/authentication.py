"""Who is asking: `Authorization: Bearer <token>`, with tokens that `manage.py token` prints."""

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.models import get_token_model
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from streams.access import Viewer


class BearerAuthentication(TokenAuthentication):
    def authenticate_credentials(self, token: bytes):
        # knox decodes the header without a net: a token that is not UTF-8 would be an internal error.
        if not token.isascii():
            raise AuthenticationFailed()
        return super().authenticate_credentials(token)


def viewer(request: HttpRequest) -> Viewer:
    """Who follows a stream with `request` (Django's own, not the framework's), as long as the token holds.

    Raises `NotAuthenticated` or `AuthenticationFailed`. Reads the database.
    """
    authentication = BearerAuthentication()
    try:
        found = authentication.authenticate(request)
        if found is None:
            raise NotAuthenticated()
    except (AuthenticationFailed, NotAuthenticated) as refusal:
        refusal.auth_header = authentication.authenticate_header(request)
        raise
    user, token = found
    digest = token.digest  # and not the whole token, with its user, for as long as somebody follows
    return Viewer(user.pk, lambda: _holds(digest))


def _holds(digest: str) -> bool:
    tokens = get_token_model().objects.filter(digest=digest)
    return tokens.filter(Q(expiry=None) | Q(expiry__gt=timezone.now())).exists()
