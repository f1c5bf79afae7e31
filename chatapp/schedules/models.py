"""Schedules and their occurrences."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from chatapp.chats.models import Session
from chatapp.schedules.descriptions import describe
from chatapp.schedules.rules import Cron, Daily, Every, Monthly, Once, Rule, Weekly
from runs.models import Run
from runs.states import ACTIVE, Notify, Status

NOTIFY_LABELS = [
    (Notify.ALL.value, "All results"),
    (Notify.FAILURES.value, "Failures only"),
    (Notify.NONE.value, "Nothing"),
]


class Kind(models.TextChoices):
    DAILY = "daily", "Every day"
    WEEKLY = "weekly", "On certain weekdays"
    MONTHLY = "monthly", "On a day of the month"
    EVERY = "every", "Every few minutes or hours"
    ONCE = "once", "Once"
    CRON = "cron", "Cron expression"


class Target(models.TextChoices):
    NEW = "new", "A new chat each time"
    SAME = "same", "The same chat each time"


class Missed(models.TextChoices):
    """What to do about due times that passed while nothing could start."""

    RUN = "run", "Run the latest one"
    SKIP = "skip", "Skip it"


class Overlap(models.TextChoices):
    """What to do when a schedule is due while its last answer is still being written."""

    SKIP = "skip", "Skip this run"
    ENQUEUE = "enqueue", "Run when it has finished"


class Paused(models.TextChoices):
    BY_OWNER = "owner"
    BY_FAILURES = "failures"
    BY_ZONE = "zone"  # its time zone is no longer known to this machine


class State(models.TextChoices):
    CLAIMED = "claimed"  # due, and waiting for the one before it
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"  # by a user, or its chat was deleted while it ran
    FAILED = "failed"
    SKIPPED = "skipped"  # the previous one was still running
    MISSED = "missed"  # nothing could start then, and `missed` says to skip it


UNFINISHED = [State.CLAIMED, State.RUNNING]
ENDS = {  # final status of a run -> state of its occurrence
    Status.COMPLETED: State.COMPLETED,
    Status.STOPPED: State.STOPPED,
    Status.FAILED: State.FAILED,
    Status.LOST: State.FAILED,
}


class ScheduleQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Rows that `user` owns. To everyone else they do not exist (B55)."""
        return self.filter(owner_id=user.pk)

    def due(self, now: datetime):
        return self.filter(paused="", next_at__lte=now)


class Schedule(models.Model):
    """A message that is sent at set times, and the rule that says when. `kind` decides which fields the rule uses."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="schedules")
    name = models.CharField(max_length=60)
    prompt = models.TextField()
    model = models.CharField(max_length=100, blank=True)  # name of the runs.Model; empty: the default
    target = models.CharField(max_length=8, choices=Target.choices, default=Target.NEW)
    session = models.ForeignKey(Session, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.DAILY)
    zone = models.CharField(max_length=64)  # IANA
    starts_at = models.DateTimeField(null=True, blank=True)  # once: when; every: counted from
    minutes = models.PositiveIntegerField(default=60)  # every
    at = models.TimeField(null=True, blank=True)  # daily, weekly, monthly
    weekdays = models.CharField(max_length=7, blank=True)  # weekly: digits, 0 is Monday
    month_day = models.PositiveSmallIntegerField(default=1)  # monthly
    cron = models.CharField(max_length=100, blank=True)

    missed = models.CharField(max_length=8, choices=Missed.choices, default=Missed.RUN)
    overlap = models.CharField(max_length=8, choices=Overlap.choices, default=Overlap.SKIP)
    notify = models.CharField(max_length=8, choices=NOTIFY_LABELS, default=Notify.ALL)

    paused = models.CharField(max_length=8, choices=Paused.choices, blank=True)  # why; empty: it is not
    failures = models.PositiveIntegerField(default=0)  # in a row
    next_at = models.DateTimeField(null=True, blank=True)  # null: never again
    computed_at = models.DateTimeField()  # the clock when `next_at` was computed: it may be set back later
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]  # UUIDv7: the newest first
        indexes = [models.Index(fields=["next_at"], condition=Q(paused=""), name="schedule_due")]  # the tick
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="schedule_kind_known"),
            models.CheckConstraint(
                condition=(
                    Q(kind__in=[Kind.DAILY, Kind.WEEKLY, Kind.MONTHLY], at__isnull=False)
                    | Q(kind__in=[Kind.ONCE, Kind.EVERY], starts_at__isnull=False)
                    | (Q(kind=Kind.CRON) & ~Q(cron=""))
                ),
                name="schedule_has_its_time",
            ),
            models.CheckConstraint(condition=~Q(kind=Kind.WEEKLY, weekdays=""), name="schedule_weekly_has_days"),
            models.CheckConstraint(condition=Q(minutes__gte=1), name="schedule_has_a_step"),
            models.CheckConstraint(
                condition=Q(month_day__gte=1, month_day__lte=31), name="schedule_day_of_month_exists"
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def is_zone_known(self) -> bool:
        """Updates of the machine rename and drop zones, long after a schedule was created."""
        try:
            return bool(ZoneInfo(self.zone))
        except (ZoneInfoNotFoundError, ValueError, OSError):  # the latter two for malformed names
            return False

    @property
    def zone_info(self) -> tzinfo:
        """The zone, or UTC where it is unknown: for display only, see `firing.claim`."""
        return ZoneInfo(self.zone) if self.is_zone_known else UTC

    @property
    def rule(self) -> Rule:
        zone = self.zone_info
        match self.kind:
            case Kind.ONCE:
                return Once(self.starts_at)
            case Kind.EVERY:
                return Every(self.minutes, self.starts_at)
            case Kind.DAILY:
                return Daily(self.at, zone)
            case Kind.WEEKLY:
                return Weekly(frozenset(map(int, self.weekdays)), self.at, zone)
            case Kind.MONTHLY:
                return Monthly(self.month_day, self.at, zone)
            case Kind.CRON:
                return Cron(self.cron, zone)
        raise ValueError(f"unknown kind of rule: {self.kind}")

    @property
    def rule_text(self) -> str:
        return describe(self.rule, self.zone_info)


class OccurrenceQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(schedule__owner_id=user.pk)

    def blocking(self):
        """Unfinished occurrences, running or waiting, that block the next one."""
        return self.filter(Q(state=State.CLAIMED) | Q(state=State.RUNNING, run__status__in=ACTIVE))


class Occurrence(models.Model):
    """One time at which a schedule was due or was run by hand, and its outcome."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="occurrences")
    due_at = models.DateTimeField()
    is_by_hand = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=State.choices, default=State.CLAIMED)
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="+")
    missed_before = models.PositiveIntegerField(default=0)  # due times that passed unnoticed just before this one
    code = models.CharField(max_length=32, blank=True)  # of the error
    error = models.CharField(max_length=500, blank=True)  # safe to show
    claimed_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = OccurrenceQuerySet.as_manager()

    class Meta:
        ordering = ["-due_at"]
        constraints = [
            # Once, whatever the number of beats and workers, and despite retries and clocks set back (B51).
            models.UniqueConstraint(fields=["schedule", "due_at"], name="occurrence_once"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="occurrence_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=UNFINISHED, finished_at=None)
                | (~Q(state__in=UNFINISHED) & Q(finished_at__isnull=False)),
                name="occurrence_final_has_finished_at",
            ),
        ]
        indexes = [
            models.Index(fields=["state"], condition=Q(state__in=UNFINISHED), name="occurrence_unfinished"),  # the tick
        ]

    def __str__(self):
        return f"{self.due_at:%Y-%m-%d %H:%M} ({self.state})"

    @property
    def current_state(self) -> str:
        """The state by its run's status, if the run has ended but the occurrence is not settled yet."""
        if self.state != State.RUNNING:
            return self.state
        return ENDS.get(self.run.status, State.RUNNING) if self.run else State.STOPPED

    @property
    def is_unfinished(self) -> bool:
        return self.current_state in UNFINISHED
