"""What programs ask for in OpenAI's words, beside the run that answers it."""

from django.db import models

from runs.models import Run


class Kind(models.TextChoices):
    CHAT = "chat", "chat completion"
    RESPONSE = "response", "response"


class ExchangeQuerySet(models.QuerySet):
    def visible_to(self, user_id: int):
        """The responses that their owner may ask for again. Everything else is as if it did not exist (B55)."""
        return self.filter(run__session__owner_id=user_id, kind=Kind.RESPONSE, is_stored=True)


class Exchange(models.Model):
    """One request of a program. Its run's session holds nothing else, and nobody reaches it (docs/adr)."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, primary_key=True, related_name="exchange")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    input = models.JSONField()  # messages of a chat, items of a response
    parameters = models.JSONField(default=dict)  # sent upstream along with them
    echo = models.JSONField(default=dict)  # of the request, as a response's object tells it back
    # Of what goes upstream of it: input, parameters, instructions. The version before may write without it.
    characters = models.PositiveIntegerField(default=0, db_default=0)
    is_stored = models.BooleanField(default=False)
    is_background = models.BooleanField(default=False)
    # Responses that build on each other: the run of the first one, which one query finds all of them by, ...
    chain = models.UUIDField(db_index=True)
    # ... and of the one before. No foreign key: what was deleted shall be missed, not passed over in silence.
    previous = models.UUIDField(null=True)
    score = models.TextField(blank=True)  # the shape of its stream, once the log has lost that (`stream_outline.py`)

    objects = ExchangeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=Kind.values), name="exchange_kind_known"),
        ]

    def __str__(self):
        return f"{self.kind} {self.run_id}"

    @property
    def response_id(self) -> str:
        return f"resp_{self.run_id.hex}"
