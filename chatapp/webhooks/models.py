"""Webhook endpoints, and their deliveries about ended runs."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from chatapp.webhooks.signing import new_secret
from runs.states import FINAL, Status

RUN_FINAL = "run.final"  # the type of all messages
ENDS = [(status.value, status.label) for status in FINAL]


def all_ends() -> list[str]:
    return [Status(status).value for status in FINAL]


class DisabledReason(models.TextChoices):
    """Why an endpoint is disabled."""

    OWNER = "owner", "Turned off by its owner"
    GONE = "gone", "The receiver returned 410 Gone"
    FAILURES = "failures", "Too many deliveries failed"


class Endpoint(models.Model):
    """A URL that a user registered. The secret is stored because signing needs it; it is displayed only once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField(max_length=500)
    secret = models.CharField(max_length=100, default=new_secret, editable=False)
    ends = models.JSONField(default=all_ends)  # final states it is subscribed to
    is_enabled = models.BooleanField(default=True)
    disabled_why = models.CharField(max_length=16, choices=DisabledReason.choices, blank=True)
    failures = models.PositiveIntegerField(default=0)  # deliveries given up in a row
    created_at = models.DateTimeField(default=timezone.now)
    enabled_at = models.DateTimeField(default=timezone.now)  # runs that ended before are not delivered
    swept_until = models.DateTimeField(default=timezone.now)  # all runs that ended before have their deliveries

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_enabled=True, disabled_why="") | (Q(is_enabled=False) & ~Q(disabled_why="")),
                name="webhook_endpoint_off_says_why",
            )
        ]

    def __str__(self):
        return self.url


class State(models.TextChoices):
    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    GIVEN_UP = "given_up", "Given up"


class Delivery(models.Model):
    """One message for one endpoint. Its id is the message's, the same in every attempt."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries")
    run = models.UUIDField()  # no foreign key: a delivery stays when its session is deleted
    payload = models.TextField()  # the body, byte for byte the same in every attempt
    state = models.CharField(max_length=16, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    # Time of the next attempt. A sender moves it ahead before an attempt: if it dies, the delivery becomes due again.
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    response_status = models.PositiveSmallIntegerField(null=True)  # of the last attempt with a response
    response_text = models.CharField(max_length=1000, blank=True)
    error = models.CharField(max_length=300, blank=True)  # why the last attempt failed
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "run"], name="webhook_delivery_once"),  # `ended` and the sweep
            models.CheckConstraint(
                condition=Q(state=State.PENDING, next_attempt_at__isnull=False, ended_at=None)
                | (~Q(state=State.PENDING) & Q(next_attempt_at=None, ended_at__isnull=False)),
                name="webhook_delivery_pending_has_next",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state=State.PENDING), name="webhook_delivery_due"),
            models.Index(fields=["endpoint", "-created_at"], name="webhook_delivery_log"),
            models.Index(fields=["-created_at"], name="webhook_delivery_newest"),
        ]

    def __str__(self):
        return f"{self.message_id} ({self.state})"

    @property
    def message_id(self) -> str:
        """The id that receivers see (`webhook-id`)."""
        return f"msg_{self.id.hex}"
