"""Waiting for facts. This is the only place in the tests that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 20.0  # far above anything that happens on a loaded machine, so only a real failure gets there
POLL_SECONDS = 0.01


def wait_until(fact: Callable[[], T], what: str, patience: float = PATIENCE_SECONDS) -> T:
    """The first true value of `fact()`. AssertionError, saying `what`, after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not (value := fact()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:g} s in vain: {what}")
        time.sleep(POLL_SECONDS)
    return value
