"""Stop as a form's button, and as the script presses it."""

import json
from uuid import uuid4

from runs.lifecycle import transitions
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
    transitions.complete(run.id, "stop")
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


def test_drafts_of_many_chats_do_not_grow_the_session_row(browser, alice, ask, settings):  # it grew to 17 MB
    settings.PROMPT_MAX_CHARACTERS = 1000
    runs = [ask(f"Number {number}") for number in range(12)]
    for number, run in enumerate(runs):
        browser.post(f"/runs/{run.pk}/stop", {"text": f"draft {number} " + "é" * 3000})
    assert len(json.dumps(dict(browser.session.items()))) < 8_000
    assert "draft 11 " in browser.get(f"/chats/{runs[-1].session_id}").content.decode()


def test_short_drafts_of_several_chats_are_all_kept(browser, ask):  # B83
    runs = [ask(f"Number {number}") for number in range(4)]
    for number, run in enumerate(runs):
        browser.post(f"/runs/{run.pk}/stop", {"text": f"draft {number}"})
    for number, run in enumerate(runs):
        assert f"draft {number}</textarea>" in browser.get(f"/chats/{run.session_id}").content.decode()
    assert browser.session["drafts"] == {}


def test_what_an_earlier_version_kept_without_bound_goes_with_the_next_page(browser, ask):
    session = browser.session
    session[f"draft:{uuid4()}"] = "x" * 10_000
    session.save()
    browser.get(f"/chats/{ask().session_id}")
    assert not list(filter(lambda key: key.startswith("draft:"), browser.session.keys()))


def test_notices_that_no_page_shows_do_not_grow_the_session_row(browser):
    for _ in range(60):
        assert browser.post("/settings", {"theme": "dark"}).status_code == 302
    assert browser.get("/settings").content.decode().count("Saved.") == 20


def test_a_stop_asked_for_is_shown(browser, alice, ask, write):
    run = write(ask(), "Some")
    type(run).objects.filter(pk=run.pk).update(stop_requested_at=run.started_at)
    page = browser.get(f"/chats/{run.session_id}").content.decode()
    assert 'data-state="stopping"' in page
    assert "Stopping…" in page
