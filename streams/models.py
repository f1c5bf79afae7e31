"""The table of events: append-only, one row an event."""

from django.db import models

from streams.events import FINAL_KINDS


class LoggedEvent(models.Model):
    """One event of one stream. Written by `streams.log` only."""

    pk = models.CompositePrimaryKey("stream", "seq")  # the fence: a seq is written once, by the first writer
    stream = models.UUIDField()
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=16)
    data = models.TextField()  # JSON text; not jsonb: it is never queried, and sent exactly as it was written
    at = models.DateTimeField()

    class Meta:
        db_table = "streams_event"
        constraints = [
            models.CheckConstraint(condition=models.Q(seq__gte=1), name="event_seq_from_1"),
            # A stream ends once: the loser of a race between two enders gets an IntegrityError.
            models.UniqueConstraint(
                fields=["stream"],
                condition=models.Q(kind__in=sorted(kind.value for kind in FINAL_KINDS)),
                name="event_one_final",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream}#{self.seq} {self.kind}"
