"""A committed database without any worker: what the batch log writes, the ORM of the test sees."""

import pytest


@pytest.fixture
def database(make_stack):
    return make_stack(start=("valkey",))
