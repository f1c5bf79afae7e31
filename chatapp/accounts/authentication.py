"""Authenticate API requests: `Authorization: Bearer <token>`, or `Token <token>`.

DRF's views use `TokenAuthentication` with `permissions.HasScope` and `throttles.ScopeThrottle`. Plain Django views (DRF
has no asynchronous ones) call `authenticated`, which does the work of all three.
"""

from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied, Throttled

from chatapp.accounts import throttles
from chatapp.accounts.models import Token
from chatapp.accounts.permissions import check_scope
from streams.access import Viewer

PREFIXES = (b"bearer", b"token")
USE_RECORDED_SECONDS = 60.0  # s; a token in constant use costs one write a minute


class TokenExpired(AuthenticationFailed):
    """The token was valid until it expired."""


class TokenAuthentication(KnoxAuthentication):
    """Knox' authentication, with both prefixes. Expired tokens are kept and reported as expired."""

    def authenticate(self, request) -> tuple[AbstractBaseUser, Token] | None:
        token = token_in(get_authorization_header(request))
        return None if token is None else self.authenticate_credentials(token)

    def authenticate_credentials(self, token: bytes) -> tuple[AbstractBaseUser, Token]:
        if not token.isascii():
            raise AuthenticationFailed()
        row = Token.objects.select_related("user").filter(digest=hash_token(token.decode())).first()
        if row is None or not row.user.is_active:
            raise AuthenticationFailed()
        if row.is_expired:
            raise TokenExpired()
        _record_use(row)
        return row.user, row

    def authenticate_header(self, request) -> str:
        """`WWW-Authenticate` of RFC 6750, which distinguishes a missing token from an invalid one."""
        return 'Bearer error="invalid_token"' if get_authorization_header(request) else "Bearer"


def token_in(authorization: bytes) -> bytes | None:
    """The token in an `Authorization` header; None if it has another scheme, empty (and so unknown) if malformed."""
    scheme, *tokens = authorization.split() or [b""]
    if scheme.lower() not in PREFIXES:
        return None
    return tokens[0] if len(tokens) == 1 else b""


def _record_use(token: Token) -> None:
    now = timezone.now()
    long_ago = now - timedelta(seconds=USE_RECORDED_SECONDS)
    if token.last_used_at is None or token.last_used_at < long_ago:
        unnoted = Token.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=long_ago), pk=token.pk)
        unnoted.update(last_used_at=now)


def authenticated(request: HttpRequest, scope: str = "") -> tuple[AbstractBaseUser, Token]:
    """Authenticate a Django request and check scope and throttle. Reads the database.

    `scope` is the throttle's (`throttles.READS` …); by default it depends on the request's method. Raises
    NotAuthenticated, AuthenticationFailed, ScopeMissing or Throttled.
    """
    authentication = TokenAuthentication()
    try:
        credentials = authentication.authenticate(request)
        if credentials is None:
            raise NotAuthenticated()
        check_scope(credentials[1], request.method)
    except (AuthenticationFailed, NotAuthenticated, PermissionDenied) as refusal:
        if not getattr(refusal, "auth_header", None):
            refusal.auth_header = authentication.authenticate_header(request)
        raise
    throttles.check(scope or throttles.scope_of(request.method), credentials[0].pk)
    return credentials


def authenticated_token(token: str, scope: str) -> tuple[AbstractBaseUser, Token]:
    """Like `authenticated`, for a token that a WebSocket was opened with, and that is to write."""
    if not token:
        raise NotAuthenticated()
    user, row = TokenAuthentication().authenticate_credentials(token.encode())
    check_scope(row, "POST")
    throttles.check(scope, user.pk)
    return user, row


def viewer(request: HttpRequest) -> Viewer:
    """The viewer of a stream, valid as long as the token. Raises the errors of `authenticated`."""
    user, token = authenticated(request, throttles.FOLLOWS)
    return viewer_with(user, token)


class TokenViewer(Viewer):
    """A viewer authenticated by a token; `credential` is its digest."""

    __slots__ = ()

    @classmethod
    def with_valid_credentials(cls, viewers: set[Viewer], users: dict[int, AbstractBaseUser]) -> set[Viewer]:
        tokens = Token.objects.filter(digest__in={viewer.credential for viewer in viewers})
        valid = set(tokens.filter(Q(expiry=None) | Q(expiry__gt=timezone.now())).values_list("digest", flat=True))
        return {viewer for viewer in viewers if viewer.credential in valid}


def viewer_with_token(token: str) -> Viewer | None:
    """The viewer with this token, for a WebSocket; None: it is not valid, or its user follows too often."""
    try:
        user, row = TokenAuthentication().authenticate_credentials(token.encode())
        throttles.check(throttles.FOLLOWS, user.pk)
    except (AuthenticationFailed, Throttled):
        return None
    return viewer_with(user, row)


def viewer_with(user: AbstractBaseUser, token: Token) -> Viewer:
    return TokenViewer(user.pk, token.digest)
