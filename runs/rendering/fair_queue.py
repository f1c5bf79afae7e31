"""A queue of answers to render that is fair to users: one user's slow answers do not delay another user's.

The order is by priority, then by the rendering time spent on the user's answers so far, then by arrival. The time is
counted until the queue is empty.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from uuid import UUID

AnswerKey = tuple[str, UUID]  # ("pk", id of a message) or ("runs", id of a run that wrote it): arguments of a filter
MAX_WAITING = 1_000  # answers in one process; periodic maintenance finds those that do not fit


@dataclass(eq=False)
class _Entry:
    answer: AnswerKey
    priority: int  # lower comes first
    number: int  # in the order of arrival
    owner: int | None = None  # None if not looked up yet, which happens only where there is a choice


class FairQueue:
    def __init__(self, find_owners: Callable[[Iterable[AnswerKey]], dict[AnswerKey, int]]) -> None:
        """`find_owners` returns the user of each answer that still exists."""
        self._find_owners = find_owners
        self._entries: dict[AnswerKey, _Entry] = {}
        self._seconds: defaultdict[int | None, float] = defaultdict(float)  # spent on answers, by user
        self._numbers = count()
        self._changed = threading.Condition()

    def put(self, priority: int, answer: AnswerKey) -> bool:
        """Add an answer, unless it is waiting already. Returns false if the queue is full. Never blocks for long."""
        with self._changed:
            if answer in self._entries:
                return True
            if len(self._entries) >= MAX_WAITING:
                return False
            self._entries[answer] = _Entry(answer, priority, next(self._numbers))
            self._changed.notify()
        return True

    def get(self, timeout: float) -> AnswerKey | None:
        """Remove and return the next answer; None if there is none for `timeout` s.

        Raises what `find_owners` raises; then nothing is removed.
        """
        with self._changed:
            if not self._entries:
                self._seconds.clear()
            if not self._changed.wait_for(lambda: self._entries, timeout):
                return None
            entries = list(self._entries.values())
        if len(entries) > 1:
            self._look_up_owners([entry for entry in entries if entry.owner is None])
        chosen = min(entries, key=lambda entry: (entry.priority, self._seconds[entry.owner], entry.number))
        with self._changed:
            del self._entries[chosen.answer]
        return chosen.answer

    def charge(self, owner: int, seconds: float) -> None:
        """Add to the time spent on this user's answers."""
        with self._changed:
            self._seconds[owner] += seconds

    def _look_up_owners(self, entries: list[_Entry]) -> None:
        owners = self._find_owners([entry.answer for entry in entries]) if entries else {}
        for entry in entries:
            entry.owner = owners.get(entry.answer, 0)
