"""A test that wants to be alone is, although others come and go."""

import threading

import pytest

from tests.harness.facts import wait_until
from tests.harness.turns import Floor


@pytest.fixture
def floor(tmp_path):
    return Floor(tmp_path)


def test_tests_run_beside_each_other(floor):
    with floor.held(alone=False), floor.held(alone=False):
        pass


def test_one_that_wants_to_be_alone_waits_for_the_others_and_others_wait_for_it(floor):
    events = []

    def run(name: str, alone: bool) -> threading.Thread:
        def hold() -> None:
            with floor.held(alone=alone):
                events.append(name)

        thread = threading.Thread(target=hold)
        thread.start()
        return thread

    with floor.held(alone=False):
        alone = run("alone", True)
        wait_until(lambda: floor.is_waited_for, "the door is shut")
        late = run("late", False)
        assert events == []
    alone.join(20)
    late.join(20)
    assert events == ["alone", "late"]
