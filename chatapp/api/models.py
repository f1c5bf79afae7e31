"""Idempotency keys of requests."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7

KEY_CHARACTERS = 64


class IdempotencyKey(models.Model):
    """A request of a user, and the object that it created."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=200)  # path of the request: a key is valid for one path
    key = models.CharField(max_length=KEY_CHARACTERS)
    fingerprint = models.CharField(max_length=64)  # of the request's body
    made = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            # Of two concurrent requests the second waits here until the first is committed, and finds its object.
            models.UniqueConstraint(fields=["owner", "address", "key"], name="idempotency_key_once"),
        ]
        indexes = [models.Index(fields=["owner", "created_at"], name="idempotency_key_old")]  # which have expired?

    def __str__(self):
        return self.key
