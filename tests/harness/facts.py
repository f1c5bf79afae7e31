"""Waiting for facts. This is the only place in the tests that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 20.0  # far above anything that happens on a loaded machine, so only a real failure gets there
POLL_SECONDS = 0.01, 0.05  # the first pause between two looks, and the longest: each look may be a database query
POLLS = 20  # in as long as was waited already: a fact is seen late by a twentieth


def wait_until(fact: Callable[[], T], what: str, patience: float = PATIENCE_SECONDS) -> T:
    """The first true value of `fact()`. AssertionError, saying `what`, after `patience` seconds."""
    start = time.monotonic()
    while not (value := fact()):
        waited = time.monotonic() - start
        if waited > patience:
            raise AssertionError(f"waited {patience:g} s in vain: {what}")
        time.sleep(pause_after(waited))
    return value


def pause_after(waited: float) -> float:
    """The seconds until the next look at something that was waited for so long."""
    first, longest = POLL_SECONDS
    return min(max(first, waited / POLLS), longest)
