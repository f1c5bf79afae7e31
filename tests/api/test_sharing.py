"""A link for everybody, files to keep, and what is new: what the pages have, for programs."""

import pytest
from django.test import Client

from chatapp.chats.models import News, Session
from runs.lifecycle import transitions
from runs.models import Worker
from streams.events import Kind
from streams.log import store
from tests.api.test_errors import assert_problem
from tests.harness.rendering import make_html


@pytest.fixture
def talk(alice, session, model):
    """A session of alice's in which she has asked and been answered; `talk(text, is_final)` asks once more."""
    worker = Worker.objects.create(name="w", pid=1, pool="gevent", lease_until="2100-01-01T00:00Z")
    Session.objects.filter(pk=session.pk).update(title="The sky", system_prompt="Be brief.")

    def talk(text="Why is it **blue**?", answer="*Because* of <b>light</b>", is_final=True):
        run = alice.ask(session, text)
        assert transitions.claim(run.pk, run.task_id, worker)
        store.append(run.pk, (Kind.TEXT, {"text": answer}))
        if is_final:
            transitions.complete(run.pk, "stop")
        return run

    talk.session = talk().session
    return talk


def test_a_link_is_made_once_and_leads_everybody_to_the_session(alice, talk):
    path = f"sessions/{talk.session.pk}/share"
    assert alice.get(path).json() == {"link": None, "files": False}
    link = alice.post(path).json()["link"]
    assert alice.post(path).json() == alice.get(path).json() == {"link": link, "files": False}
    assert alice.post(path, {"files": True}).json() == alice.post(path).json() == {"link": link, "files": True}
    make_html()
    page = Client().get(link.removeprefix("http://testserver"))
    assert "<em>Because</em> of &lt;b&gt;light&lt;/b&gt;" in page.text
    assert "alice" not in page.text and "Be brief." not in page.text


def test_a_link_that_was_taken_back_leads_nowhere_and_the_next_one_is_another(alice, talk):
    path = f"sessions/{talk.session.pk}/share"
    link = alice.post(path).json()["link"]
    assert alice.delete(path).status_code == alice.delete(path).status_code == 204
    assert alice.get(path).json() == {"link": None, "files": False}
    assert alice.post(path).json()["link"] != link
    assert Client().get(link.removeprefix("http://testserver")).status_code == 404


def test_a_session_as_markdown_is_the_file_that_the_page_offers(alice, talk, model):
    path = f"sessions/{talk.session.pk}/export.md"
    response = alice.get(path)
    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="the-sky.md"'
    lines = ["# The sky", "## You", "Why is it **blue**?", f"## {model.label}", "*Because* of <b>light</b>"]
    assert response.text == "\n\n".join(lines) + "\n"
    browser = Client()
    browser.force_login(alice.user)
    assert browser.get(f"/chats/{talk.session.pk}/export.md").text == response.text


def test_an_answer_that_is_being_written_is_in_the_file_as_far_as_it_has_come(alice, talk):
    talk("And red?", "Half a sen", is_final=False)
    assert alice.get(f"sessions/{talk.session.pk}/export.md").text.endswith("Half a sen\n")


def test_a_session_as_a_document_has_all_branches_and_what_was_set(alice, talk, model):
    run = talk("And red?", "Evening")
    again = alice.post(f"runs/{run.pk}/again").json()["run"]
    response = alice.get(f"sessions/{talk.session.pk}/export.json")
    assert response["Content-Disposition"] == 'attachment; filename="the-sky.json"'
    whole = response.json()
    assert (whole["format"], whole["title"]) == ("chatapp-session-1", "The sky")
    settings = {"system_prompt": "Be brief.", "temperature": None, "max_tokens": None, "reasoning_effort": ""}
    assert whole["settings"] == settings
    contents = [message["content"] for message in whole["messages"]]
    assert contents == ["Why is it **blue**?", "*Because* of <b>light</b>", "And red?", "Evening", ""]
    assert [message["model"] for message in whole["messages"]] == [None, model.name, None, model.name, model.name]
    assert whole["shown"][-1] == again["message"]


def test_what_is_refused_is_told_in_json_where_a_file_was_asked_for(alice, bob, talk):
    for name in ("export.md", "export.json"):
        path = f"sessions/{talk.session.pk}/{name}"
        assert_problem(bob.get(path), 404, "not_found")
        assert_problem(alice.get(path, Accept="image/png"), 406, "not_acceptable")
    assert alice.get(f"sessions/{talk.session.pk}/export.md", Accept="text/markdown").status_code == 200


def test_who_has_looked_has_no_news(alice, talk):
    assert talk.session.pk and alice.get(f"sessions/{talk.session.pk}").json()["news"] == News.UNREAD
    seen = alice.post(f"sessions/{talk.session.pk}/seen")
    assert (seen.status_code, seen.json()["news"]) == (200, "")
    assert alice.get(f"sessions/{talk.session.pk}").json() == seen.json()
