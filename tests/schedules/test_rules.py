"""When schedules are due, held against zoneinfo minute by minute, against cronsim and against systemd."""

import calendar
import re
import shutil
import subprocess
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.schedules.descriptions import describe
from chatapp.schedules.rules import (
    Cron,
    Daily,
    Every,
    Monthly,
    Once,
    Weekly,
    count_before,
    latest_time,
    next_time,
    next_times,
    read_cron,
)
from tests.harness.plugin import skip_missing

pytestmark = pytest.mark.one_database

# Both hemispheres; half an hour of summer; clocks that change at midnight; a day that never was; none of it.
ZONES = [
    "America/New_York", "Europe/Berlin", "Europe/London", "Australia/Lord_Howe", "Australia/Sydney",
    "Pacific/Auckland", "America/Santiago", "Africa/Cairo", "Asia/Beirut", "Asia/Kathmandu", "Pacific/Apia", "UTC",
]  # fmt: skip
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")

zones = st.sampled_from(ZONES).map(ZoneInfo)
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
days = st.dates(date(2008, 1, 1), date(2037, 12, 1))
moments = st.datetimes(datetime(2008, 1, 1), datetime(2037, 12, 1), timezones=st.just(UTC))


@cache
def changes_of(zone: ZoneInfo, year: int) -> list[datetime]:
    """The days in which clocks change, as moments just before."""
    found, moment = [], datetime(year, 1, 1, tzinfo=UTC)
    while moment.year == year:
        if (moment + DAY).astimezone(zone).utcoffset() != moment.astimezone(zone).utcoffset():
            found.append(moment)
        moment += DAY
    return found


@st.composite
def hard_moments(draw, zone: ZoneInfo) -> datetime:
    """Near a change of clocks, the end of a month, a leap day, or anywhere."""
    year = draw(st.integers(2008, 2036))
    places = [*changes_of(zone, year), datetime(year, 2, 28, tzinfo=UTC), datetime(year, 12, 31, tzinfo=UTC)]
    places += [datetime(year, month, 30, tzinfo=UTC) for month in (4, 10)] + [draw(moments)]
    return draw(st.sampled_from(places)) + timedelta(minutes=draw(st.integers(-3000, 3000)))


def first_minute_from(local: datetime, zone: ZoneInfo) -> datetime:
    """The first minute of the world in which clocks in `zone` show this or, having jumped, later: walked through."""
    moment = local.replace(tzinfo=UTC) - timedelta(hours=27)
    while (moment + 3 * HOUR).astimezone(zone).replace(tzinfo=None) < local:
        moment += HOUR
    while moment.astimezone(zone).replace(tzinfo=None) < local:
        moment += MINUTE
    return moment


def walked(rule: Daily | Weekly | Monthly, after: datetime, number: int) -> list[datetime]:
    """The next due times, the long way."""
    found, day = [], after.astimezone(rule.zone).date() - DAY
    while len(found) < number:
        if is_named(rule, day):
            due = first_minute_from(datetime.combine(day, rule.at), rule.zone)
            if due > after and due not in found:
                found.append(due)
        day += DAY
    return found


def is_named(rule: Daily | Weekly | Monthly, day: date) -> bool:
    match rule:
        case Daily():
            return True
        case Weekly(weekdays):
            return day.isoweekday() - 1 in weekdays
        case Monthly(wanted):
            last = calendar.monthrange(day.year, day.month)[1]
            return day.day == wanted or (wanted > last and day.day == last)


@given(st.data(), zones, times)
@settings(max_examples=40, deadline=None)
def test_rules_of_local_times_are_due_when_the_clock_first_shows_it(data, zone, at):  # B50
    rule = data.draw(
        st.sampled_from(
            [Daily(at, zone), Weekly(frozenset([0, 6]), at, zone), Monthly(31, at, zone), Monthly(29, at, zone)]
        )
    )
    after = data.draw(hard_moments(zone))
    assert next_times(rule, after, 3) == walked(rule, after, 3)


@given(st.data(), zones, times)
@settings(max_examples=50, deadline=None)
def test_every_named_day_is_due_once(data, zone, at):  # B50
    after = data.draw(hard_moments(zone))
    found = next_times(Daily(at, zone), after, 12)
    assert found == sorted(set(found))
    if zone.key != "Pacific/Apia":  # where a day was left out
        days_of = [due.astimezone(zone).date() for due in found]
        assert days_of == [days_of[0] + timedelta(number) for number in range(12)]


@given(st.data(), zones, times)
@settings(max_examples=60, deadline=None)
def test_cron_says_the_same(data, zone, at):  # B50
    after = data.draw(hard_moments(zone))
    clock = f"{at.minute} {at.hour}"
    pairs = [
        (Daily(at, zone), f"{clock} * * *"),
        (Weekly(frozenset([0, 3, 6]), at, zone), f"{clock} * * MON,THU,SUN"),
        (Monthly(28, at, zone), f"{clock} 28 * *"),
        (Monthly(31, at, zone), f"{clock} L * *"),
    ]
    for rule, expression in pairs:
        assert next_times(rule, after, 3) == next_times(Cron(expression, zone), after, 3), expression


@given(st.data(), zones)
@settings(max_examples=40, deadline=None)
def test_cron_is_cronsim_in_order_and_never_before_its_moment(data, zone):
    expression = data.draw(
        st.sampled_from(["*/7 * * * *", "*/9 1,2 * * *", "30 1-3 * * SUN", "15 2 29 2 *", "5 0 * * 1#1"])
    )
    after = data.draw(hard_moments(zone))
    found = next_times(Cron(expression, zone), after, 8)
    assert found == sorted(set(found))
    assert found[0] > after
    theirs = [due.astimezone(UTC) for due in islice(CronSim(expression, after.astimezone(zone)), 12)]
    assert found == sorted({due for due in theirs if due > after})[:8]


@given(st.integers(1, 20_000), moments, st.timedeltas(timedelta(-400), timedelta(400)))
def test_intervals_go_by_real_time_from_their_start(minutes, start, distance):  # B50
    step, after = timedelta(minutes=minutes), start + distance
    one, two = next_times(Every(minutes, start), after, 2)
    assert one > after
    assert two - one == step
    assert (one - start) % step == timedelta(0)
    assert one == start or one - step <= after
    assert one >= start


@given(st.data(), zones, times, st.integers(0, 60 * 24 * 40))
@settings(max_examples=40, deadline=None)
def test_the_latest_time_and_how_many_came_before_it_are_those_of_the_whole_list(data, zone, at, minutes):  # B52
    since = data.draw(hard_moments(zone))
    until = since + timedelta(minutes=minutes)
    rule = data.draw(
        st.sampled_from(
            [
                Daily(at, zone), Weekly(frozenset([2]), at, zone), Monthly(30, at, zone), Every(317, since - DAY),
                Cron("*/45 * * * *", zone), Cron("10 3 * * *", zone), Once(since), Once(until + MINUTE),
            ]
        )
    )  # fmt: skip
    every = []
    for due in rule.after(since - timedelta(microseconds=1)):
        if due > until:
            break
        every.append(due)
    latest = latest_time(rule, since, until)
    assert latest == (every[-1] if every else None)
    if latest:
        assert count_before(rule, since, latest, 10_000) == len(every) - 1
        assert count_before(rule, since, latest, 3) == min(3, len(every) - 1)


def test_the_latest_of_years_of_minutes_is_found_at_once():
    """A site that was down for two years is up in a moment."""
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, 0, 0, 30, tzinfo=UTC)
    rule = Counted("* * * * *", NEW_YORK)
    assert latest_time(rule, since, until) == datetime(2028, 1, 1, tzinfo=UTC)
    assert count_before(rule, since, until, 100) == 100
    assert rule.counted < 200


class Counted(Cron):
    """Counts how many due times were looked at."""

    counted = 0

    def after(self, moment):
        for due in super().after(moment):
            type(self).counted += 1
            yield due


def local(due: datetime, zone: ZoneInfo) -> str:
    return f"{due.astimezone(zone):%d %H:%M %Z}"


@pytest.mark.parametrize("rule", [Daily(time(2, 30), NEW_YORK), Cron("30 2 * * *", NEW_YORK)])
def test_half_past_two_is_due_once_on_the_day_that_has_none(rule):  # B50
    found = next_times(rule, datetime(2026, 3, 7, 12, tzinfo=UTC), 2)
    assert [local(due, NEW_YORK) for due in found] == ["08 03:00 EDT", "09 02:30 EDT"]


@pytest.mark.parametrize("rule", [Daily(time(2, 30), BERLIN), Cron("30 2 * * *", BERLIN)])
def test_half_past_two_is_due_once_on_the_day_that_has_two(rule):  # B50
    found = next_times(rule, datetime(2026, 10, 24, 12, tzinfo=UTC), 2)
    assert [local(due, BERLIN) for due in found] == ["25 02:30 CEST", "26 02:30 CET"]
    between = found[0] + timedelta(minutes=10)  # and not again, for whoever asks in between
    assert local(next_time(rule, between), BERLIN) == "26 02:30 CET"


def test_the_last_of_the_month_is_there_in_every_month():  # B50
    found = next_times(Monthly(31, time(8), BERLIN), datetime(2028, 1, 31, 12, tzinfo=UTC), 4)
    assert [f"{due.astimezone(BERLIN):%m-%d %H:%M}" for due in found] == [
        "02-29 08:00", "03-31 08:00", "04-30 08:00", "05-31 08:00"
    ]  # fmt: skip


def test_once_is_once():
    at = datetime(2026, 12, 1, tzinfo=UTC)
    assert next_times(Once(at), at - MINUTE, 5) == [at]
    assert next_time(Once(at), at) is None


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Once(datetime(2026, 12, 1, 8, tzinfo=UTC)), "Once, on 1 December 2026 at 09:00"),
        (Every(90, datetime(2026, 1, 1, tzinfo=UTC)), "Every 90 minutes, counted from 1 January 2026 at 01:00"),
        (Every(60, datetime(2026, 1, 1, tzinfo=UTC)), "Every hour, counted from 1 January 2026 at 01:00"),
        (Every(2880, datetime(2026, 1, 1, tzinfo=UTC)), "Every 2 days, counted from 1 January 2026 at 01:00"),
        (Daily(time(7, 5), BERLIN), "Every day at 07:05"),
        (Weekly(frozenset([4, 0, 2]), time(9), BERLIN), "Every Monday, Wednesday and Friday at 09:00"),
        (Weekly(frozenset(range(5)), time(9), BERLIN), "Every weekday (Monday to Friday) at 09:00"),
        (Monthly(2, time(9), BERLIN), "On the 2nd of each month at 09:00"),
        (Monthly(31, time(9), BERLIN), "On the 31st of each month (its last day, where it is shorter) at 09:00"),
        (Cron("*/15 9-17 * * MON-FRI", BERLIN), "Every 15th minute from 09:00 through 17:59 on Monday through Friday"),
    ],
)
def test_rules_say_what_they_mean(rule, words):
    assert describe(rule, BERLIN) == words


@pytest.mark.parametrize(
    "text",
    ["", "* * * *", "* * * * * *", "@daily", "60 * * * *", "x * * * *", "0 0 31 2 *", "*/0 * * * *", "5-1 * * * *",
     "0 0 L/2 * 1#6", "L * * * *", "0 0 * * L", "1,,2 * * * *", "* * * * MON#9", "²/1 * * * *", "1#1/2 * * * 1#1/2"],
)  # fmt: skip
def test_what_is_no_rule_of_cron_is_told_so(text):
    with pytest.raises(ValueError, match=r"\.$"):
        read_cron(text)


@given(st.text("0123456789*/,-#LW MONJAN", max_size=30))
@settings(max_examples=200, deadline=None)
def test_whatever_is_typed_as_a_rule_of_cron_is_one_or_is_refused(text):
    try:
        tidy = read_cron(text)
    except ValueError:
        return
    rule = Cron(tidy, NEW_YORK)
    assert describe(rule, NEW_YORK)
    assert next_time(rule, datetime(2026, 1, 1, tzinfo=UTC)) is not None


# -- another implementation -----------------------------------------------------------------------

SYSTEMD_RULES = [
    (Daily(time(7, 15), BERLIN), "*-*-* 07:15:00 Europe/Berlin"),
    (Daily(time(1, 30), NEW_YORK), "*-*-* 01:30:00 America/New_York"),
    (Weekly(frozenset([0, 4]), time(23, 59), NEW_YORK), "Mon,Fri *-*-* 23:59:00 America/New_York"),
    (Monthly(31, time(6), BERLIN), "*-*~01 06:00:00 Europe/Berlin"),
    (Monthly(15, time(0, 0), ZoneInfo("Pacific/Auckland")), "*-*-15 00:00:00 Pacific/Auckland"),
    (Cron("*/20 9-10 * * MON-FRI", ZoneInfo("UTC")), "Mon..Fri *-*-* 09,10:00,20,40:00 UTC"),
]


def by_systemd(expression: str, after: datetime, number: int) -> list[datetime]:
    if shutil.which("systemd-analyze") is None:
        skip_missing("systemd-analyze is not installed: nobody else was asked when schedules are due")
    argv = ["systemd-analyze", "calendar", f"--iterations={number}", f"--base-time={after:%Y-%m-%d %H:%M:%S} UTC"]
    done = subprocess.run(
        [*argv, expression], capture_output=True, text=True, check=True, timeout=20, env={"TZ": "UTC", "LC_ALL": "C"}
    )
    found = re.findall(r"(?:Next elapse|Iter\. #\d+|Iteration #\d+): \w{3} ([\d-]+ [\d:]+) UTC", done.stdout)
    return [datetime.fromisoformat(when).replace(tzinfo=UTC) for when in found]


@pytest.mark.parametrize(("rule", "expression"), SYSTEMD_RULES)
def test_systemd_says_the_same(rule, expression):  # B50
    for after in (datetime(2026, 3, 6, 12, tzinfo=UTC), datetime(2028, 2, 26, 12, tzinfo=UTC)):
        assert next_times(rule, after, 30) == by_systemd(expression, after, 30)
