"""Tests that want the machine to themselves (`alone`), in the middle of a run that several processes share.

Every test holds the floor while it runs, together with others; one that is marked `alone` holds it by itself. Both
first pass a door, which the one who waits for the floor keeps shut: else others would take it again and again.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Floor:
    """`directory` is the same in all processes that share a run."""

    def __init__(self, directory: Path):
        self._door, self._floor = directory / "door.lock", directory / "floor.lock"

    @contextmanager
    def held(self, *, alone: bool) -> Iterator[None]:
        with self._floor.open("a") as floor:
            with self._door.open("a") as door:
                fcntl.flock(door, fcntl.LOCK_EX)
                fcntl.flock(floor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield

    @property
    def is_waited_for(self) -> bool:
        """Whether a test is waiting for the floor."""
        with self._door.open("a") as door:
            try:
                fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False
