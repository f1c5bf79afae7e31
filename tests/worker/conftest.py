"""A stack without a worker, for tests that need one of their own and hurt nothing else."""

import itertools

import pytest

from tests.harness.plugin import chosen
from tests.harness.stack import Stack

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def _workerless(request, upstream):
    """A Valkey and a web server for each pool, started when the first test asks."""
    started: dict[str, Stack] = {}

    def stack_for(pool: str) -> Stack:
        if pool not in started:
            name = f"workerless-{pool}"
            started[pool] = Stack(name, request.config.stash[chosen], upstream, pool=pool).start("valkey", "web")
        return started[pool]

    return stack_for


@pytest.fixture
def start_worker(request, _no_transaction, _workerless):
    """Starts a worker of the test's own, `start_worker(pool, "-c", "1", LEASE_SECONDS="2")`, and returns its stack.

    The worker may be ended in any way, the web server and Valkey not: other tests share them. There is no beat.
    """

    def start(pool: str, *options: str, **env: str) -> Stack:
        stack = _workerless(pool)
        stack.worker = stack.make_worker(f"worker{next(_numbers)}", *options, **env)
        request.addfinalizer(stack.worker.kill)
        context = stack.in_use()
        request.addfinalizer(lambda: context.__exit__(None, None, None))
        stack = context.__enter__()
        stack.start_part(stack.worker)
        return stack

    return start
