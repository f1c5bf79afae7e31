"""Staff watch a run in the admin while it is written: they get its reader's stream, and change nothing."""

import pytest

from runs.models import Run
from tests.harness.check import check
from tests.harness.followers import SseFollower
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database


def tail(person, run):
    path = f"/admin/runs/run/{run.pk}/events"
    return person._start(SseFollower(person.url, path, str(run.pk), 0, person.cookie_header))


def test_staff_follow_a_run_live_and_nobody_else_does_there(stack):  # B59, B55
    alice, bob, charlie = stack.person("alice"), stack.person("bob"), stack.person("charlie")
    say = prompt(tokens=6, hold=[3])
    run = alice.send(say)
    onlooker = tail(charlie, run).wait_for_text(spoken(3))
    # It should show staff the page of the run while it goes on, with where its tail begins.
    page = charlie.page("GET", f"/admin/runs/run/{run.pk}/change/").body.decode()
    assert "Earlier messages not sent" in page
    assert f'data-tail="/admin/runs/run/{run.pk}/events"' in page
    for person in (alice, bob):
        assert person.page("GET", f"/admin/runs/run/{run.pk}/events").status == 404
    assert alice.request("GET", f"/admin/runs/run/{run.pk}/events").status == 404
    stack.upstream.release(say.tag)
    run = check(run, onlooker)
    assert 'data-tail="' not in charlie.page("GET", f"/admin/runs/run/{run.pk}/change/").body.decode()


def test_a_run_that_lives_on_its_viewers_is_not_followed_by_onlookers(stack):  # B42
    alice, charlie = stack.person("alice"), stack.person("charlie")
    say = prompt(tokens=6, hold=[3])
    run = alice.send(say)
    alice.follow(run).wait_for_text(spoken(3))
    Run.objects.filter(pk=run.pk).update(viewer_until="2100-01-01T00:00Z")
    assert charlie.page("GET", f"/admin/runs/run/{run.pk}/events").status == 404
    assert "does not follow it" in charlie.page("GET", f"/admin/runs/run/{run.pk}/change/").body.decode()
    Run.objects.filter(pk=run.pk).update(viewer_until=None)
    stack.upstream.release(say.tag)
    check(run)
