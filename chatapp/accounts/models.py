"""Tokens: what a program shows instead of a password."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from knox.models import AbstractAuthToken
from uuid_utils.compat import uuid7


class Scope(models.TextChoices):
    READ = "read", "Read only"  # look, and follow streams
    WRITE = "write", "Read and write"  # everything that its owner may do


class Token(AbstractAuthToken):
    """A program's token. Only its digest is kept; `token_key`, its beginning, is how people tell one from another."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)  # its name in addresses
    name = models.CharField(max_length=100, blank=True)
    scope = models.CharField(max_length=8, choices=Scope.choices, default=Scope.WRITE)
    last_used_at = models.DateTimeField(null=True)  # to the minute

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(scope__in=Scope.values), name="token_scope_known")]

    def __str__(self):
        return f"{self.name or 'unnamed'} ({self.token_key}…)"

    @property
    def is_expired(self) -> bool:
        return self.expiry is not None and self.expiry <= timezone.now()
