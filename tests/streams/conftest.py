"""A committed database without a worker: the test's ORM sees what the batch log writes."""

from collections.abc import Callable
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from streams.owner import StreamOwner, register_owner, stream_owner


@pytest.fixture
def database(make_stack):
    return make_stack(start=("valkey",))


@pytest.fixture
def other_owner():
    """`with other_owner(snapshot=...)`: an owner of streams that overrides these methods of the registered one."""

    @contextmanager
    def other_owner(**methods: Callable):
        registered = stream_owner()
        answers = {name: getattr(registered, name) for name in vars(StreamOwner) if not name.startswith("_")}
        register_owner(SimpleNamespace(**answers | methods))
        try:
            yield
        finally:
            register_owner(registered)

    return other_owner
