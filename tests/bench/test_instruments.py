"""The benchmark's instruments and baselines still work: a few runs through each, without judging how fast."""

import pytest

from tests.bench.levels import measure
from tests.bench.rig import close_instruments, ensure_bench_model, open_instruments
from tests.bench.systems import Direct, InMemory, ThisSystem
from tests.harness.stack import clean_env

pytestmark = pytest.mark.long  # what they reckon with is tried by test_reckoning.py
RUNS, SECONDS, WARM_UP = 5, 0.5, 0.2


@pytest.fixture
def rig():
    """The instruments, and the port of the source."""
    instruments, port = open_instruments(clean_env())
    yield instruments, port
    close_instruments(instruments)


def assert_all_arrived(level):
    assert (level.failure, level.wrong) == ("", 0)
    assert level.tokens_a_second > 0
    assert set(level.cpu) == {"web", "worker", "valkey", "postgres", "upstream", "load", "others"}


@pytest.mark.one_database
def test_the_upstream_and_the_in_memory_manager_are_read_to_the_last_token(rig, tmp_path):
    instruments, port = rig
    assert_all_arrived(measure(instruments, Direct(port), RUNS, SECONDS, WARM_UP))
    manager = InMemory(port, tmp_path, clean_env())
    manager.start()
    try:
        assert_all_arrived(measure(instruments, manager, RUNS, SECONDS, WARM_UP))
    finally:
        manager.stop()


@pytest.mark.one_database
@pytest.mark.parametrize("protocol", ["SSE", "WebSocket"])
def test_this_system_is_read_to_the_last_token(stack, rig, protocol):  # B27
    instruments, port = rig
    ensure_bench_model(port)
    shared = {"worker": stack.worker, "valkey": stack.valkey}
    system = ThisSystem("daphne", protocol, shared, stack.web, stack.url, forget=lambda: None)
    system.send = lambda person, say: person.send(say, model="bench")  # a test's own process has no broker
    assert_all_arrived(measure(instruments, system, RUNS, SECONDS, WARM_UP))
