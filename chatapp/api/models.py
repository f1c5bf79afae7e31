"""What the API itself keeps: the keys under which requests were made once."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7

KEY_CHARACTERS = 64


class IdempotencyKey(models.Model):
    """A request of a user that made something, and what that was."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=200)  # to which the request went: a key counts for one
    key = models.CharField(max_length=KEY_CHARACTERS)
    fingerprint = models.CharField(max_length=64)  # of the request's body
    made = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            # Of two requests at once the second waits here for the first to be committed, and finds what it made.
            models.UniqueConstraint(fields=["owner", "address", "key"], name="idempotency_key_once"),
        ]
        indexes = [models.Index(fields=["owner", "created_at"], name="idempotency_key_old")]  # which can be forgotten?

    def __str__(self):
        return self.key
