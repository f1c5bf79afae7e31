"""How a session asks its model, set on its page, and with the first message of a new one."""

import pytest

from chatapp.chats.models import Session
from runs.models import Model, Run
from runs.upstream.request import build_request

SET = {"system_prompt": "Answer in verse.", "temperature": "0.3", "max_tokens": "200"}


def values(session: Session) -> tuple:
    session.refresh_from_db()
    return session.system_prompt, session.temperature, session.max_tokens


def test_what_is_set_goes_upstream_with_the_next_answer(browser, ask):
    run = ask()
    assert browser.post(f"/chats/{run.session_id}/tuning", SET).url == f"/chats/{run.session_id}#end"
    assert values(run.session) == ("Answer in verse.", 0.3, 200)
    payload = build_request(ask("And?", session=run.session)).payload
    assert payload["messages"][0] == {"role": "system", "content": "Answer in verse."}
    assert (payload["temperature"], payload["max_tokens"]) == (0.3, 200)


def test_the_page_shows_what_is_set(browser, ask):
    run = ask()
    assert 'aria-label="Model settings"' in browser.get(f"/chats/{run.session_id}").content.decode()
    browser.post(f"/chats/{run.session_id}/tuning", SET)
    page = browser.get(f"/chats/{run.session_id}").content.decode()
    assert 'aria-label="Model settings, changed"' in page
    assert "Answer in verse.</textarea>" in page
    assert 'value="0.3"' in page


def test_what_is_emptied_is_as_the_model_has_it(browser, ask):
    run = ask()
    browser.post(f"/chats/{run.session_id}/tuning", SET)
    browser.post(f"/chats/{run.session_id}/tuning", {})
    assert values(run.session) == ("", None, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", "3"), ("temperature", "hot"), ("max_tokens", "0"), ("system_prompt", "x" * 20_001)],
)
def test_what_makes_no_sense_is_refused_in_place(browser, ask, name, value):
    run = ask()
    response = browser.post(f"/chats/{run.session_id}/tuning", {name: value})
    assert response.status_code == 422
    assert f'id="id_{name}_error"' in response.content.decode()
    assert values(run.session) == ("", None, None)


def test_a_new_chat_is_set_up_with_its_first_message(browser):
    browser.post("/chats", {"text": "Hello", **SET})
    assert values(Session.objects.get()) == ("Answer in verse.", 0.3, 200)


def test_a_mistake_in_the_settings_of_a_new_chat_keeps_everything_that_was_typed(browser):
    response = browser.post("/chats", {"text": "Hello", **SET, "temperature": "9"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "Temperature: Ensure this value is less than or equal to 2" in page
    assert "Hello</textarea>" in page
    assert "Answer in verse.</textarea>" in page
    assert not Session.objects.exists()


def test_a_reasoning_effort_is_chosen_for_and_sent_to_models_that_reason_only(browser, ask, model):
    run, field = ask(), 'name="reasoning_effort"'
    for has_reasoning in (None, False, True):
        Model.objects.update(has_reasoning=has_reasoning)
        for path in ("/", f"/chats/{run.session_id}", f"/chats/{run.session_id}/tuning"):
            assert (field in browser.get(path).text) == bool(has_reasoning), path
    browser.post(f"/chats/{run.session_id}/tuning", {"reasoning_effort": "high"})
    page = browser.get(f"/chats/{run.session_id}").text
    assert 'aria-label="Model settings, changed"' in page and '<option value="high" selected>' in page
    for has_reasoning, sent in ((True, "high"), (None, None), (False, None)):
        Model.objects.update(has_reasoning=has_reasoning)
        asked = Run.objects.get(pk=ask("And?", session=run.session).pk)
        assert build_request(asked).payload.get("reasoning_effort") == sent
    # It should stay while another model is chosen that has no such field
    browser.post(f"/chats/{run.session_id}/tuning", SET)
    run.session.refresh_from_db()
    assert run.session.reasoning_effort == "high"
    browser.post("/chats", {"text": "Hello?", "model": model.name, "reasoning_effort": "nonsense"})
    assert not Session.objects.filter(reasoning_effort="nonsense").exists()
