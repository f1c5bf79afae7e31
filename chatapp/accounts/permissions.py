"""What a token lets its program do: one that may only read asks with safe methods, and follows streams."""

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission

from chatapp.accounts.models import Scope, Token


class ScopeMissing(PermissionDenied):
    """The token may only read."""

    default_detail = "This token may only read."
    auth_header = f'Bearer error="insufficient_scope", scope="{Scope.WRITE}"'


class HasScope(BasePermission):
    """For the framework's views. A request without a token is somebody else's to judge."""

    def has_permission(self, request, view) -> bool:
        if isinstance(request.auth, Token):
            check_scope(request.auth, request.method)
        return True


def check_scope(token: Token, method: str) -> None:
    """Raise ScopeMissing where the token's scope does not cover the method."""
    if method not in SAFE_METHODS and token.scope != Scope.WRITE:
        raise ScopeMissing()
