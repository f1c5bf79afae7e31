"""Who sends a large body. Before log-in only small ones are read, so that strangers cannot fill the disk."""

import structlog
from django.conf import settings
from django.http import parse_cookie
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from chatapp.accounts.authentication import TokenAuthentication, token_in
from chatapp.middleware.body_limits import Refused
from runs.errors import InternalError
from streams.access import viewer_of
from streams.delivery.hub import in_reader_thread

log = structlog.get_logger(__name__)


async def check_sender(cookie: bytes, authorization: bytes) -> None:
    """Raise Refused unless these headers are those of a user: of a log-in session, or with a token."""
    try:
        known = await _is_known(cookie, authorization)
    except Exception:
        log.exception("sender_unknown")
        raise Refused(InternalError()) from None
    if not known:
        raise Refused(NotAuthenticated())


async def _is_known(cookie: bytes, authorization: bytes) -> bool:
    key = parse_cookie(cookie.decode("latin1")).get(settings.SESSION_COOKIE_NAME, "")
    if key and await viewer_of(key):
        return True
    token = token_in(authorization)
    return token is not None and await in_reader_thread(_is_valid, token)


def _is_valid(token: bytes) -> bool:
    try:
        TokenAuthentication().authenticate_credentials(token)
    except AuthenticationFailed:
        return False
    return True
