"""Schedules, previews of their rules, and their occurrences."""

from rest_framework import serializers

from chatapp.api.operations import example
from chatapp.api.serializers.chats import ModelName
from chatapp.api.serializers.fields import Choice, Id, Integer, QueryInteger, Text
from chatapp.api.serializers.strict import StrictSerializer
from chatapp.schedules.models import (
    NOTIFY_LABELS,
    Kind,
    Missed,
    Notify,
    Occurrence,
    Overlap,
    Paused,
    Schedule,
    State,
    Target,
)
from chatapp.schedules.spec import MAX_STEP, UNITS, rule_spec_of

MINUTES_OF = {name: int(size) for size, name in UNITS}
UNIT_OF = {minutes: name for name, minutes in MINUTES_OF.items()}
LOCAL = "%Y-%m-%dT%H:%M:%S"
KIND = {"help_text": "Which of the following fields the rule has: docs/schedules.md."}
AT = {"max_length": 8, "help_text": "daily, weekly, monthly: the local time, such as 08:30."}
STARTS = {"max_length": 19, "help_text": "once: when; every: counted from. Local time in `zone`: 2026-12-24T08:00:00."}
ZONE = {"max_length": 64, "help_text": "IANA, such as Europe/Berlin."}
DAYS = {"min_value": 0, "max_value": 6}
DEFAULTS = {"model": "", "target": Target.NEW, "missed": Missed.RUN, "overlap": Overlap.SKIP, "notify": Notify.ALL}


class RuleSerializer(StrictSerializer):
    """When to run. Fields that the kind of rule does not use are ignored."""

    kind = Choice(Kind.choices, **KIND)
    zone = Text(**ZONE)
    at = Text(allow_null=True, required=False, **AT)
    weekdays = serializers.ListField(
        child=Integer(**DAYS), max_length=7, required=False, help_text="weekly: 0 is Monday."
    )
    month_day = Integer(min_value=1, max_value=31, required=False, help_text="monthly; else the month's last day.")
    every = Integer(min_value=1, max_value=MAX_STEP, required=False, help_text="every: the number of `unit`s.")
    unit = Choice(list(MINUTES_OF), required=False)
    starts = Text(allow_null=True, required=False, **STARTS)
    cron = Text(max_length=100, allow_blank=True, required=False, help_text="cron: five fields.")


class RuleQuery(serializers.Serializer):
    """A rule as query parameters."""

    kind = Choice(Kind.choices, **KIND)
    zone = Text(**ZONE)
    at = Text(required=False, **AT)
    weekdays = Text(max_length=7, required=False, help_text="weekly: digits; 0 is Monday.")
    month_day = QueryInteger(min_value=1, max_value=31, required=False)
    every = QueryInteger(min_value=1, max_value=MAX_STEP, required=False)
    unit = Choice(list(MINUTES_OF), required=False)
    starts = Text(required=False, **STARTS)
    cron = Text(max_length=100, required=False)


@example({"name": "Morning", "prompt": "What is new?", "kind": "daily", "at": "08:00", "zone": "Europe/Berlin"})
class ScheduleSerializer(RuleSerializer):
    """A prompt that is sent at set times."""

    null_means = DEFAULTS | {"weekdays": [], "month_day": None, "every": None, "unit": None, "cron": ""}

    id = Id(read_only=True)
    name = Text(max_length=60)
    prompt = Text(allow_blank=True, help_text="docs/schedules.md lists the placeholders.")
    model = ModelName(required=False, help_text="Empty: the site's default.")
    target = Choice(Target.choices, required=False, help_text="A new session each time, or the same one.")
    session = Id(
        allow_null=True,
        required=False,
        help_text="same: one of your sessions. Null: a session created for the schedule.",
    )
    missed = Choice(
        Missed.choices, required=False, help_text="What to do about a time that passed while the site was down."
    )
    overlap = Choice(Overlap.choices, required=False, help_text="What to do if the last answer is still being written.")
    notify = Choice(NOTIFY_LABELS, required=False, help_text="Which results are marked as new.")
    paused = serializers.ChoiceField(
        [("", "not"), *Paused.choices], read_only=True, help_text="Why it is paused; empty if it is not."
    )
    failures = serializers.IntegerField(read_only=True, help_text="Failures in a row.")
    words = serializers.CharField(read_only=True, help_text="The rule in words.")
    next_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="Null: never.")
    created_at = serializers.DateTimeField(read_only=True)

    def to_representation(self, schedule: Schedule) -> dict:
        return rule_and_more(schedule) | {
            "id": str(schedule.pk),
            "paused": schedule.paused,
            "failures": schedule.failures,
            "words": schedule.rule_text,
            "next_at": self.fields["next_at"].to_representation(schedule.next_at) if schedule.next_at else None,
            "created_at": self.fields["created_at"].to_representation(schedule.created_at),
        }


class ScheduleChangeSerializer(ScheduleSerializer):
    """The fields to change."""

    name = Text(max_length=60, required=False)
    prompt = Text(allow_blank=True, required=False)
    kind = Choice(Kind.choices, required=False, **KIND)
    zone = Text(required=False, **ZONE)


def rule_and_more(schedule: Schedule) -> dict:
    """All settings of a schedule."""
    rule = rule_spec_of(schedule)
    return {name: getattr(schedule, name) for name in ("kind", "zone", "month_day", "name", "prompt", "model")} | {
        "at": rule.at.strftime("%H:%M:%S") if rule.at else None,
        "weekdays": sorted(rule.weekdays),
        "every": rule.every,
        "unit": UNIT_OF[rule.unit],
        "starts": rule.starts.strftime(LOCAL) if rule.starts else None,
        "cron": rule.cron,
        "target": schedule.target,
        "session": str(schedule.session_id) if schedule.session_id else None,
        **{name: getattr(schedule, name) for name in ("missed", "overlap", "notify")},
    }


class PreviewSerializer(serializers.Serializer):
    """A rule in words, and its next times."""

    words = serializers.CharField()
    zone = serializers.CharField()
    times = serializers.ListField(child=serializers.DateTimeField(), help_text="The next times.")


class OccurrenceSerializer(serializers.ModelSerializer):
    """One due time of a schedule, or one run by hand, and its result."""

    id = Id(read_only=True)
    schedule = Id(source="schedule_id", read_only=True)
    by_hand = serializers.BooleanField(source="is_by_hand", read_only=True)
    state = serializers.ChoiceField(State.choices, source="current_state", read_only=True)
    run = Id(source="run_id", read_only=True, allow_null=True)
    session = Id(source="run.session_id", default=None, read_only=True, allow_null=True)

    class Meta:
        model = Occurrence
        fields = [
            "id", "schedule", "due_at", "by_hand", "state", "run", "session", "missed_before", "code", "error",
            "claimed_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields
