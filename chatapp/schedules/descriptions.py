"""Describe rules in English."""

from collections.abc import Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from cronsim import CronSim

from chatapp.schedules.rules import Cron, Daily, Every, Monthly, Once, Rule, Weekly

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
HOUR, DAY, ALWAYS_THERE = 60, 24 * 60, 28  # minutes, minutes, days in every month


def describe(rule: Rule, zone: ZoneInfo) -> str:
    """A sentence such as "Every Monday and Friday at 09:00", without the zone."""
    match rule:
        case Once(at):
            local = at.astimezone(zone)
            return f"Once, on {_day(local.date())} at {_clock(local)}"
        case Every(minutes, start):
            local = start.astimezone(zone)
            return f"Every {_length(minutes)}, counted from {_day(local.date())} at {_clock(local)}"
        case Daily(at):
            return f"Every day at {_clock(at)}"
        case Weekly(weekdays, at):
            return f"{_on(weekdays)} at {_clock(at)}"
        case Monthly(day, at):
            return f"On the {_ordinal(day)} of each month{_if_it_exists(day)} at {_clock(at)}"
        case Cron(expression):
            return CronSim(expression, datetime(2000, 1, 1)).explain()


def _on(weekdays: frozenset[int]) -> str:
    if weekdays == frozenset(range(5)):
        return "Every weekday (Monday to Friday)"
    if weekdays == frozenset(range(7)):
        return "Every day"
    return f"Every {_list([WEEKDAYS[day] for day in sorted(weekdays)])}"


def _if_it_exists(day: int) -> str:
    return " (its last day, where it is shorter)" if day > ALWAYS_THERE else ""


def _length(minutes: int) -> str:
    for size, name in ((DAY, "day"), (HOUR, "hour"), (1, "minute")):
        if minutes % size == 0:
            number = minutes // size
            return name if number == 1 else f"{number} {name}s"
    raise AssertionError


def _list(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _ordinal(number: int) -> str:
    suffix = "th" if 10 < number < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _clock(at: datetime | time) -> str:
    return f"{at:%H:%M}"
