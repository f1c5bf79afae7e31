"""Requests in OpenAI's protocols, stored with the runs that answer them."""

from django.db import models

from chatapp.chats.models import Session
from runs.models import Model, Run


class Kind(models.TextChoices):
    CHAT = "chat", "chat completion"
    RESPONSE = "response", "response"


class ExchangeQuerySet(models.QuerySet):
    def visible_to(self, user_id: int):
        """The stored responses of a user. Everything else is treated as missing (B55)."""
        return self.filter(run__session__owner_id=user_id, kind=Kind.RESPONSE, is_stored=True)


class Exchange(models.Model):
    """One API request. Its run has a session of its own, which pages never show (docs/adr), or is in a chat."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, primary_key=True, related_name="exchange")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    input = models.JSONField()  # messages of a chat, items of a response
    parameters = models.JSONField(default=dict)  # sent upstream along with them
    echo = models.JSONField(default=dict)  # members of the request that the response object echoes
    # Total sent upstream: input, parameters, instructions. The previous version may write rows without it.
    characters = models.PositiveIntegerField(default=0, db_default=0)
    is_stored = models.BooleanField(default=False)
    is_background = models.BooleanField(default=False)
    # Responses that continue each other: the run of the first one, so that one query finds all of them, ...
    chain = models.UUIDField(db_index=True)
    # ... and of the previous one. No foreign key: a deleted response must be noticed.
    previous = models.UUIDField(null=True)
    score = models.TextField(blank=True)  # outline of its stream, saved before compaction: stream_outline.py

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

    @property
    def is_in_chat(self) -> bool:
        return self.run.session.is_listed


class Conversation(models.Model):
    """What a program keeps of a chat. Chats that have none are conversations, too."""

    session = models.OneToOneField(Session, on_delete=models.CASCADE, primary_key=True, related_name="+")
    metadata = models.JSONField(default=dict)
    # Chat messages that programs have added and that no answer follows yet: they go before the next question.
    pending = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))

    def __str__(self):
        return f"conv_{self.session_id.hex}"


class ModelAlias(models.Model):
    """Another name under which programs may ask for a model: `gpt-5`, for those whose name of a model is fixed."""

    name = models.CharField(max_length=200, unique=True, help_text="What programs send as model")
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="aliases")

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "model aliases"

    def __str__(self):
        return self.name
