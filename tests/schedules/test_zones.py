"""Updates drop and rename time zones: a schedule made in one waits for another, and everything else goes on."""

import html

import pytest
from django.urls import reverse

from chatapp.schedules import actions, firing
from chatapp.schedules.errors import UnknownZone
from chatapp.schedules.models import Paused, Schedule, State
from tests.schedules.reading import last, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def stranded(make):
    """Made in a zone that an update has dropped since."""
    schedule = make(every=60, name="Stranded")
    Schedule.objects.filter(pk=schedule.pk).update(zone="Europe/Kiew")
    schedule.refresh_from_db()
    return schedule


def test_a_schedule_whose_zone_is_gone_is_paused_with_the_reason_and_blocks_no_other(stranded, make, tick):  # B51
    other = make(every=60)
    assert tick(minutes=60) == 2
    stranded.refresh_from_db()
    assert (stranded.paused, stranded.failures) == (Paused.BY_ZONE, 0)
    assert (last(stranded).state, last(stranded).code, last(stranded).run) == (State.FAILED, "unknown_zone", None)
    assert "no longer available on the server" in last(stranded).error
    assert states(other) == [State.RUNNING]
    # It should say so once, and not at every tick.
    tick(minutes=60)
    assert states(stranded) == [State.FAILED]


def test_what_it_has_on_its_way_comes_to_its_end_all_the_same(make, tick, end):
    schedule = make(every=60, overlap="enqueue", prompt="It is {{time}}.")
    tick(minutes=60), tick(minutes=60)
    Schedule.objects.filter(pk=schedule.pk).update(zone="")
    first = schedule.occurrences.get(state=State.RUNNING)
    assert end(first).state == State.COMPLETED
    # What waited was claimed when its time was known; there is nothing but UTC to say it in now.
    assert last(schedule).run.message.parent.content == "It is 14:00."


@pytest.mark.parametrize("zone", ["Europe/Kiew", "Europe", "../../etc/passwd", "", "no zone\0at all"])
def test_no_name_of_a_zone_breaks_the_model(zone):
    assert not Schedule(zone=zone).is_zone_known
    assert Schedule(zone="Europe/Kyiv").is_zone_known


@pytest.mark.parametrize("when", ["before it is due", "after"])
def test_all_pages_show_it_and_say_what_to_do(stranded, make, tick, browser, charlie, log_in, when):
    other = make(every=60, name="Another")
    if when == "after":
        tick(minutes=60)
    page = browser.get(reverse("schedules")).text
    assert "The time zone Europe/Kiew is no longer available".lower() in page.lower()
    assert other.name in page
    page = browser.get(reverse("schedule", args=[stranded.pk])).text
    assert "Choose another one" in page
    assert browser.get(reverse("edit_schedule", args=[stranded.pk])).status_code == 200
    staff = log_in(charlie)
    assert "Stranded" in staff.get(reverse("admin:schedules_schedule_changelist")).text
    assert staff.get(reverse("admin:schedules_schedule_change", args=[stranded.pk])).status_code == 200


def test_it_can_not_be_resumed_in_that_zone(stranded, tick, browser):
    tick(minutes=60)
    reply = browser.post(reverse("resume_schedule", args=[stranded.pk]))
    assert reply.status_code == 409
    assert html.escape(UnknownZone().message) in reply.text
    stranded.refresh_from_db()
    assert stranded.paused == Paused.BY_ZONE


def test_with_another_zone_it_goes_on_by_itself(stranded, tick, clock):
    tick(minutes=60)
    stranded.refresh_from_db()
    stranded.zone = "Europe/Kyiv"
    actions.save(stranded)
    assert tick(minutes=60) == 1
    assert last(stranded).state == State.RUNNING
    # One that its owner has paused stays so.
    actions.pause(stranded)
    actions.save(stranded)
    stranded.refresh_from_db()
    assert stranded.paused == Paused.BY_OWNER


def test_a_clock_that_is_set_back_meets_it_unharmed(stranded, clock):
    Schedule.objects.update(computed_at=clock.now.replace(year=2027))
    assert firing.recompute_after_clock_set_back(clock.now) == 1
