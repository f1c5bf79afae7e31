"""Lists: pages by cursor, and what can be asked for."""

import base64

import pytest
from django.utils import timezone

from chatapp.chats.models import Session
from runs.lifecycle import transitions
from tests.api.conftest import a_model
from tests.api.test_errors import assert_problem


def listed(person, path):
    response = person.get(path)
    assert response.status_code == 200, response.content
    return response.json()


def titles(person, query=""):
    return [item["title"] for item in listed(person, f"sessions{query}")["items"]]


@pytest.fixture
def sessions(alice):
    return [Session.objects.create(owner=alice.user, title=title) for title in ("Ash", "Birch", "Cedar")]


def test_a_list_is_read_page_by_page_and_back(alice, sessions):
    first = listed(alice, "sessions?limit=2")
    assert [item["title"] for item in first["items"]] == ["Cedar", "Birch"]
    assert first["previous"] is None
    second = listed(alice, f"sessions?limit=2&cursor={first['next']}")
    assert ([item["title"] for item in second["items"]], second["next"]) == (["Ash"], None)
    back = listed(alice, f"sessions?limit=2&cursor={second['previous']}")
    assert back["items"] == first["items"]


def test_what_comes_meanwhile_neither_repeats_nor_hides_the_rest(alice, sessions):
    first = listed(alice, "sessions?limit=2")
    Session.objects.create(owner=alice.user, title="Dogwood")
    assert titles(alice, f"?limit=2&cursor={first['next']}") == ["Ash"]


def test_sessions_of_the_same_moment_are_all_listed(alice, sessions):
    Session.objects.update(active_at=timezone.now())
    found, cursor = [], ""
    while cursor is not None:
        page = listed(alice, f"sessions?limit=1{cursor and f'&cursor={cursor}'}")
        found += [item["title"] for item in page["items"]]
        cursor = page["next"]
    assert sorted(found) == ["Ash", "Birch", "Cedar"]


def test_sessions_are_found_by_what_was_done_to_them_and_by_their_words(alice, bob, sessions, model):
    ash, birch, cedar = sessions
    alice.patch(f"sessions/{ash.pk}", {"pinned": True})
    alice.patch(f"sessions/{birch.pk}", {"archived": True})
    alice.ask(cedar, "Where do nightingales sing?")
    assert titles(alice) == ["Cedar", "Ash"]
    assert titles(alice, "?pinned=true") == ["Ash"]
    assert titles(alice, "?pinned=false") == ["Cedar"]
    assert titles(alice, "?archived=true") == ["Birch"]
    assert titles(alice, "?answering=true") == ["Cedar"]
    assert titles(alice, "?answering=false") == ["Ash"]
    assert titles(alice, "?q=nightin") == ["Cedar"]
    assert titles(alice, "?q=ash") == ["Ash"]
    assert titles(alice, "?q=%20") == []
    # It should list nothing of anybody else.
    assert titles(bob) == titles(bob, "?q=ash") == []


def test_runs_are_found_by_session_state_trigger_and_model(alice, bob, session, model):
    other = a_model()
    first, second = alice.ask(session, "one", model=model.name), alice.ask(session, "two", model=other.name)
    transitions.stop(first.pk)

    def found(query=""):
        return [item["id"] for item in listed(alice, f"runs{query}")["items"]]

    one, two = str(first.pk), str(second.pk)
    assert found() == [two, one]
    assert found("?active=true") == found("?status=queued") == found(f"?model={other.name}") == [two]
    assert found("?active=false") == found("?status=stopped") == [one]
    assert found(f"?session={session.pk}&trigger=api") == [two, one]
    assert found("?trigger=schedule") == []
    assert listed(bob, "runs")["items"] == []
    # A list tells no texts, which would have to be read one by one.
    assert "text" not in listed(alice, "runs")["items"][0]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=two",
        "color=red",
        "limit=1.5",
        "pinned=perhaps",
        "pinned=1",
        "archived=True",
        "q=%00",
        "cursor=x",
    ],
)
def test_a_list_that_makes_no_sense_is_refused(alice, sessions, query):
    assert_problem(alice.get(f"sessions?{query}"), 422, "invalid")


@pytest.mark.parametrize("place", ["p=yesterday", "p=%00", "p=9999-12-31+23:59:59-10:00", "p=", "o=x", "p=1&r=1&o=-3"])
def test_a_cursor_that_was_made_up_is_refused_or_a_place(alice, sessions, place):
    response = alice.get(f"sessions?cursor={base64.b64encode(place.encode()).decode()}")
    assert response.status_code in (200, 422)


@pytest.mark.parametrize("query", ["status=done", "trigger=x", "session=1", "active=yes"])
def test_runs_that_can_not_be_are_not_asked_for(alice, query):
    assert_problem(alice.get(f"runs?{query}"), 422, "invalid")


def test_models_are_listed_by_the_name_that_a_message_takes(alice, model):
    a_model(enabled=False)
    [item] = listed(alice, "models")["items"]
    assert item == {"name": model.name, "label": model.label, "default": False}
