"""Scopes of tokens: a read-only token may use safe methods and follow streams."""

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission

from chatapp.accounts.models import Scope, Token


class ScopeMissing(PermissionDenied):
    """The token may only read."""

    default_detail = "This token may only read."
    auth_header = f'Bearer error="insufficient_scope", scope="{Scope.WRITE}"'


class HasScope(BasePermission):
    """DRF permission: checks a token's scope. Requests without a token pass and are left to other permissions."""

    def has_permission(self, request, view) -> bool:
        if isinstance(request.auth, Token):
            check_scope(request.auth, request.method)
        return True


def check_scope(token: Token, method: str) -> None:
    """Raise ScopeMissing if the token's scope does not cover the method."""
    if method not in SAFE_METHODS and token.scope != Scope.WRITE:
        raise ScopeMissing()
