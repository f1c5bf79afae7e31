"""When a schedule is due: pure functions from a rule and a moment to moments. No database, no clock.

Moments are aware datetimes in UTC. Rules use local times in their own zone, including where clocks change: a skipped
local time is due at the first minute after the jump, a repeated one is due the first time. So daily, weekly and monthly
rules, and cron rules with fixed hours and minutes, are due once on each of their days. Intervals, and cron rules with a
star for minutes or hours, use elapsed time.
"""

import calendar
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

INSTANT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
CRON_FIELDS = 5  # a sixth would be seconds
# Searched for the latest due time, shortest first, which takes at most a few hundred steps for any rule.
WINDOWS = [timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=366), timedelta(days=3660)]


@dataclass(frozen=True)
class Once:
    at: datetime

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The due times later than `moment`, in order. All rules have this method."""
        if self.at > moment:
            yield self.at.astimezone(UTC)


@dataclass(frozen=True)
class Every:
    """Every `minutes` of elapsed time, counted from `start`."""

    minutes: int
    start: datetime

    def after(self, moment: datetime) -> Iterator[datetime]:
        step = timedelta(minutes=self.minutes)
        due = self.start.astimezone(UTC)
        if moment >= due:
            due += ((moment - due) // step + 1) * step
        while True:
            yield due
            due += step


@dataclass(frozen=True)
class Daily:
    at: time
    zone: ZoneInfo

    def after(self, moment: datetime) -> Iterator[datetime]:
        return _at_local_times(self, moment)

    def is_on(self, day: date) -> bool:
        return True


@dataclass(frozen=True)
class Weekly:
    weekdays: frozenset[int]  # 0 is Monday
    at: time
    zone: ZoneInfo

    def after(self, moment: datetime) -> Iterator[datetime]:
        return _at_local_times(self, moment)

    def is_on(self, day: date) -> bool:
        return day.weekday() in self.weekdays


@dataclass(frozen=True)
class Monthly:
    """On this day of each month, or the last day of shorter months."""

    day: int
    at: time
    zone: ZoneInfo

    def after(self, moment: datetime) -> Iterator[datetime]:
        return _at_local_times(self, moment)

    def is_on(self, day: date) -> bool:
        return day.day == min(self.day, calendar.monthrange(day.year, day.month)[1])


@dataclass(frozen=True)
class Cron:
    """Five fields, as Debian's cron reads them."""

    expression: str
    zone: ZoneInfo

    def after(self, moment: datetime) -> Iterator[datetime]:
        last = moment
        for local in CronSim(self.expression, moment.astimezone(self.zone)):
            due = local.astimezone(UTC)
            if due > last:  # cronsim repeats the hour that occurs twice
                yield (last := due)


Rule = Once | Every | Daily | Weekly | Monthly | Cron


def moment_of(local: datetime, zone: ZoneInfo) -> datetime:
    """The first moment at which clocks in `zone` show `local` (naive), or the first minute after skipping it."""
    while True:
        moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == local:
            return moment
        local = local.replace(second=0, microsecond=0) + MINUTE


def _at_local_times(rule: Daily | Weekly | Monthly, moment: datetime) -> Iterator[datetime]:
    """Start a day early: a time that the clock skipped at the end of that day may be due only now."""
    day, last = moment.astimezone(rule.zone).date() - DAY, moment
    while True:
        if rule.is_on(day):
            due = moment_of(datetime.combine(day, rule.at), rule.zone)
            if due > last:
                yield (last := due)
        day += DAY


def next_times(rule: Rule, after: datetime, number: int) -> list[datetime]:
    return list(islice(rule.after(after), number))


def next_time(rule: Rule, after: datetime) -> datetime | None:
    """The next due time; None: never again."""
    return next(iter(rule.after(after)), None)


def latest_time(rule: Rule, since: datetime, until: datetime) -> datetime | None:
    """The last due time from `since` to `until`, both included. Cheap for any number of them."""
    for window in WINDOWS:
        start = max(since, until - window)
        if latest := deque(_between(rule, start, until), maxlen=1):
            return latest[0]
        if start == since:
            break
    return None


def count_before(rule: Rule, since: datetime, before: datetime, limit: int) -> int:
    """The number of due times from `since` until just before `before`, at most `limit`."""
    return sum(1 for _ in islice(_between(rule, since, before - INSTANT), limit))


def _between(rule: Rule, since: datetime, until: datetime) -> Iterator[datetime]:
    return takewhile(lambda due: due <= until, rule.after(since - INSTANT))


def read_cron(expression: str) -> str:
    """The normalized expression. Raises ValueError with a sentence for users if it is invalid or never due."""
    fields = expression.split()
    if len(fields) != CRON_FIELDS:
        raise ValueError("Enter five fields: minute, hour, day of the month, month, day of the week.")
    tidy = " ".join(fields)
    try:
        if next(iter(CronSim(tidy, datetime(2000, 1, 1))), None) is None:
            raise ValueError("This never comes due.")
    except (CronSimError, AssertionError, IndexError) as error:  # cronsim raises the latter two where it lacks checks
        raise ValueError(f"{str(error) or 'Invalid cron expression'}.") from error
    return tidy
