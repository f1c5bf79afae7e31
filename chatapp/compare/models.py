"""Comparisons and their panes: one prompt, answered side by side."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from uuid_utils.compat import uuid7

from chatapp.chats.models import Session
from runs.models import Run
from runs.states import Status, StopReason

MAX_PANES = 6
LETTERS = "ABCDEF"


class ComparisonQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Rows that `user` owns. To everyone else they do not exist (B55)."""
        return self.filter(owner_id=user.pk)

    def decided(self):
        return self.filter(voted_at__isnull=False)


class Comparison(models.Model):
    """One prompt and its answers. While it is blind, its owner cannot tell which model wrote which answer (B45)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="comparisons")
    prompt = models.TextField()
    is_blind = models.BooleanField(default=True)  # until the vote
    is_sequential = models.BooleanField(default=False)  # one pane answers after the other
    key = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001  (of the form; null: none)
    created_at = models.DateTimeField(auto_now_add=True)
    voted_at = models.DateTimeField(null=True, blank=True)
    # null after a vote: a tie
    winner = models.ForeignKey("Pane", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    objects = ComparisonQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]  # UUIDv7: the newest first
        constraints = [
            models.UniqueConstraint(fields=["owner", "key"], name="comparison_key_once"),  # a double click (B22)
            models.CheckConstraint(
                condition=Q(winner=None) | Q(voted_at__isnull=False), name="comparison_winner_was_voted_for"
            ),
        ]

    def __str__(self):
        return self.prompt[:40]

    @property
    def hides_models(self) -> bool:
        return self.is_blind and self.voted_at is None

    @property
    def is_decided(self) -> bool:
        return self.voted_at is not None


class PaneQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(comparison__owner_id=user.pk)

    def open(self):
        return self.filter(closed_at=None)


class Pane(models.Model):
    """One contender's answer. Its session is unlisted until the owner continues it as a chat (B46).

    Positions are random, and a pane's rows are created in their order, so ids reveal nothing about the contender.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="panes")
    position = models.PositiveSmallIntegerField()
    contender = models.CharField(max_length=300)  # Contender.label at creation
    model_name = models.CharField(max_length=100)  # of the runs.Model
    session = models.OneToOneField(Session, on_delete=models.SET_NULL, null=True, related_name="pane")
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="+")  # of the displayed answer
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = PaneQuerySet.as_manager()

    class Meta:
        ordering = [F("comparison").desc(), "position"]
        constraints = [
            models.UniqueConstraint(fields=["comparison", "position"], name="pane_position_once"),
            models.CheckConstraint(condition=Q(position__lt=MAX_PANES), name="pane_position_has_a_letter"),
        ]

    def __str__(self):
        return f"Answer {self.letter}"

    @property
    def letter(self) -> str:
        return LETTERS[self.position]

    @property
    def can_resume(self) -> bool:
        """Whether the answer was stopped or interrupted, so that it can be continued."""
        is_unfinished = self.run is not None and self.run.status in (Status.STOPPED, Status.LOST)
        return is_unfinished and self.closed_at is None

    @property
    def was_interrupted(self) -> bool:
        """Whether it ended because its page or its worker was gone."""
        return self.can_resume and self.run.reason != StopReason.USER
