"""Validated input for a schedule: the page's form and the API build the same spec.

Times are local to the spec's zone, as users enter them; a `Schedule` stores moments.
"""

from dataclasses import dataclass
from datetime import datetime, time
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone

from chatapp.chats.models import Session
from chatapp.schedules.models import Kind, Schedule
from chatapp.schedules.rules import moment_of, read_cron

UNITS = [("1", "minutes"), ("60", "hours"), ("1440", "days")]  # size in minutes, name
MAX_STEP = 10_000  # of any unit
YEARS = range(2000, 3000)
REQUIRED = {  # which fields each kind of rule has; `starts` of an interval may be left out
    Kind.ONCE: ["starts"],
    Kind.EVERY: ["every", "unit", "starts"],
    Kind.DAILY: ["at"],
    Kind.WEEKLY: ["weekdays", "at"],
    Kind.MONTHLY: ["month_day", "at"],
    Kind.CRON: ["cron"],
}
RULE_FIELDS = {name for names in REQUIRED.values() for name in names}

Problems = dict[str, str]  # field -> a sentence for users


@dataclass(frozen=True)
class RuleSpec:
    """When a schedule is due. Fields that the kind of rule does not use are ignored."""

    kind: str
    zone: str  # IANA; spaces count as underscores
    at: time | None = None
    weekdays: frozenset[int] = frozenset()  # 0 is Monday
    month_day: int | None = None
    every: int | None = None
    unit: int | None = None  # minutes
    starts: datetime | None = None  # naive: local time in `zone`
    cron: str = ""

    @property
    def zone_name(self) -> str:
        return self.zone.strip().replace(" ", "_")

    def problems(self, previous_starts: datetime | None = None) -> Problems:
        """Problems by field; empty if valid. A past `starts` is valid if it equals `previous_starts`."""
        problems: Problems = {}
        if self.zone_name not in known_zones():
            problems["zone"] = "Choose one of the time zones in the list, such as Europe/Berlin."
        for name in self.missing():
            problems[name] = "This field is required."
        if self.kind in (Kind.ONCE, Kind.EVERY) and self.starts and self.starts.year not in YEARS:
            problems["starts"] = f"Choose a year between {YEARS.start} and {YEARS.stop - 1}."
        if self.kind == Kind.CRON:
            try:
                read_cron(self.cron)
            except ValueError as error:
                problems["cron"] = str(error)
        is_new = self.kind == Kind.ONCE and self.starts != previous_starts
        if is_new and not problems and self._starts_at() <= timezone.now():
            problems["starts"] = "This time has already passed."
        return problems

    def missing(self) -> list[str]:
        """Fields that the kind of rule requires and this spec lacks."""
        optional = "starts" if self.kind == Kind.EVERY else ""
        return [
            name
            for name in REQUIRED.get(self.kind, [])
            if name != optional and getattr(self, name) in (None, frozenset())
        ]

    def apply_to(self, schedule: Schedule) -> Schedule:
        """Write the rule into `schedule`, without saving. The spec must be valid."""
        required = REQUIRED[self.kind]
        schedule.kind, schedule.zone = self.kind, self.zone_name
        schedule.at = self.at if "at" in required else None
        schedule.starts_at = self._starts_at() if "starts" in required else None
        schedule.minutes = self.every * self.unit if "every" in required else 60
        schedule.weekdays = "".join(map(str, sorted(self.weekdays))) if "weekdays" in required else ""
        schedule.month_day = self.month_day if "month_day" in required else 1
        schedule.cron = read_cron(self.cron) if "cron" in required else ""
        return schedule

    def _starts_at(self) -> datetime:
        """The start; by default an interval is counted from the current minute."""
        if self.starts:
            return moment_of(self.starts, ZoneInfo(self.zone_name))
        return timezone.now().replace(second=0, microsecond=0)


@dataclass(frozen=True)
class ScheduleSpec:
    """A whole schedule: its rule, its prompt, and the target chat."""

    rule: RuleSpec
    name: str
    prompt: str
    model: str  # name of an enabled model; empty: the site's default
    target: str
    session: Session | None  # for target SAME; None: the first occurrence creates one
    missed: str
    overlap: str
    notify: str

    def apply_to(self, schedule: Schedule) -> Schedule:
        """Write everything into `schedule`, without saving. The rule must be valid."""
        self.rule.apply_to(schedule)
        for name in ("name", "prompt", "model", "target", "session", "missed", "overlap", "notify"):
            setattr(schedule, name, getattr(self, name))
        return schedule


def rule_spec_of(schedule: Schedule) -> RuleSpec:
    """The schedule's rule as a spec, with an interval in the largest unit that fits."""
    unit = max(int(size) for size, _ in UNITS if schedule.minutes % int(size) == 0)
    starts = schedule.starts_at
    return RuleSpec(
        kind=schedule.kind,
        zone=schedule.zone,
        at=schedule.at,
        weekdays=frozenset(map(int, schedule.weekdays)),
        month_day=schedule.month_day,
        every=schedule.minutes // unit,
        unit=unit,
        starts=starts.astimezone(schedule.zone_info).replace(tzinfo=None) if starts else None,
        cron=schedule.cron,
    )


@cache
def known_zones() -> frozenset[str]:
    """Cached, because the zones are read from the disk."""
    return frozenset(available_timezones())
