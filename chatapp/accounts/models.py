"""API tokens and one-time links."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from knox.models import AbstractAuthToken
from uuid_utils.compat import uuid7


class Scope(models.TextChoices):
    READ = "read", "Read only"  # safe methods, and follow streams
    WRITE = "write", "Read and write"  # everything its owner may do


class Token(AbstractAuthToken):
    """An API token. Only its digest is stored; `token_key`, its first characters, identifies it for users."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)  # its id in URLs
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


class Purpose(models.TextChoices):
    LOGIN = "login", "Log in"
    INVITATION = "invitation", "Set a first password"


class OneTimeLink(models.Model):
    """A link that works once. Only its token's digest is stored.

    An invitation's row is kept: it marks an account that an invitation has created.
    """

    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="one_time_links")
    digest = models.CharField(max_length=64, unique=True)
    auth_hash = models.CharField(max_length=64)  # of the password at creation: a new password invalidates the link
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="one_time_link_purpose_known")
        ]

    def __str__(self):
        return f"{self.get_purpose_display()}: {self.user}"
