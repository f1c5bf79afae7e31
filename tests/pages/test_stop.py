"""Stop as a form's button, and as the script presses it."""

from runs import lifecycle
from runs.states import Status


def test_stop_ends_an_answer_that_waits_and_says_who_asked(browser, alice, ask):
    run = ask()
    response = browser.post(f"/runs/{run.pk}/stop")
    run.refresh_from_db()
    assert response.url == f"/chats/{run.session_id}#end"
    assert (run.status, run.stop_requested_by) == (Status.STOPPED, alice)


def test_stop_tells_the_script_the_truth(browser, ask):  # B38
    run = ask()
    script = {"X-Requested-With": "fetch"}
    first, second = (browser.post(f"/runs/{run.pk}/stop", headers=script).json() for _ in range(2))
    assert (first, second) == ({"state": "stopped"}, {"state": "already_final"})


def test_a_late_stop_changes_nothing(browser, ask, write):  # B37
    run = write(ask(), "All of it")
    lifecycle.complete(run.id, "stop")
    later = ask("Another?", session=run.session)
    browser.post(f"/runs/{run.pk}/stop")
    later.refresh_from_db()
    assert later.status == Status.QUEUED


def test_stop_is_no_link(browser, ask):
    run = ask()
    assert browser.get(f"/runs/{run.pk}/stop").status_code == 405
    run.refresh_from_db()
    assert run.status == Status.QUEUED


def test_what_was_typed_when_stop_was_pressed_is_in_the_field_once(browser, ask):
    run = ask()
    url = browser.post(f"/runs/{run.pk}/stop", {"text": "Half a thought"}).url
    assert "Half a thought</textarea>" in browser.get(url).content.decode()
    assert "Half a thought" not in browser.get(url).content.decode()


def test_a_stop_asked_for_is_shown(browser, alice, ask, write):
    run = write(ask(), "Some")
    type(run).objects.filter(pk=run.pk).update(stop_requested_at=run.started_at)
    page = browser.get(f"/chats/{run.session_id}").content.decode()
    assert 'data-state="stopping"' in page
    assert "Stopping…" in page
