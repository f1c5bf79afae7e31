"""Whatever moves Hypothesis thinks of, in whatever order: `random_moves.World` keeps its invariants."""

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test

from runs.lifecycle import dispatch, transitions
from tests.runs.random_moves import Broker, World


@pytest.fixture
def broker(monkeypatch):
    broker = Broker()
    monkeypatch.setattr(dispatch, "start", broker.start)
    monkeypatch.setattr(dispatch, "backlog", broker.backlog)
    monkeypatch.setattr(dispatch, "revoke", lambda task_id: None)  # it is lost: the worker finds the request
    monkeypatch.setattr(dispatch, "request_title", lambda run_id: None)
    monkeypatch.setattr(transitions, "announce", broker.announce)
    return broker


@pytest.fixture(params=[10, pytest.param(50, marks=pytest.mark.long)])  # examples
def settings_of_world(request, settings):
    settings.REDISPATCH_SECONDS = 0
    settings.USER_MAX_RUNS = settings.USER_MAX_SENDS = 10_000
    return hypothesis_settings(
        max_examples=request.param, stateful_step_count=30, deadline=None, database=None, print_blob=True
    )


@pytest.mark.timeout(300)  # with all its queries it is slow on a busy machine
def test_any_order_of_moves_keeps_the_invariants_and_leaves_nothing_stuck(db, broker, settings_of_world):
    # B4 B8 B16 B18 B19 B36 B38
    World.broker = broker
    run_state_machine_as_test(World, settings=settings_of_world)
