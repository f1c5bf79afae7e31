"""Which answer's HTML is made next: the users who wait take turns, so that one user's answers do not hold up another's.

First comes what has just ended, before what is old; among these the answer of the user on whose answers the least time
was spent; among that user's the one that has waited longest. The time counts for as long as anything waits.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count

Answer = tuple[str, object]  # ("pk", of a message) or ("runs", of a run that wrote it)
MOST = 1_000  # answers that wait in one process; upkeep finds those that have no place


@dataclass(eq=False)
class _Waiting:
    answer: Answer
    rank: int
    turn: int
    owner: int | None = None  # None: not known yet; it is looked up only where there is a choice


class Turns:
    def __init__(self, owners_of: Callable[[Iterable[Answer]], dict[Answer, int]]) -> None:
        """`owners_of` tells the users of answers; one that is gone has none."""
        self._owners_of = owners_of
        self._waiting: dict[Answer, _Waiting] = {}
        self._seconds: Counter[int] = Counter()  # spent on a user's answers
        self._numbers = count()
        self._changed = threading.Condition()

    def put(self, rank: int, answer: Answer) -> bool:
        """Have it wait; again is once. Returns whether there is a place. Nothing here takes time."""
        with self._changed:
            if answer in self._waiting:
                return True
            if len(self._waiting) >= MOST:
                return False
            self._waiting[answer] = _Waiting(answer, rank, next(self._numbers))
            self._changed.notify()
        return True

    def take(self, seconds: float) -> Answer | None:
        """The next one; None if there is none for so long. Raises what `owners_of` raises; then it waits still."""
        with self._changed:
            if not self._waiting:
                self._seconds.clear()
            if not self._changed.wait_for(lambda: self._waiting, seconds):
                return None
            waiting = list(self._waiting.values())
        if len(waiting) > 1:
            self._look_up([each for each in waiting if each.owner is None])
        chosen = min(waiting, key=lambda each: (each.rank, self._seconds[each.owner], each.turn))
        with self._changed:
            del self._waiting[chosen.answer]
        return chosen.answer

    def charge(self, owner: int, seconds: float) -> None:
        """Note that so much time went into an answer of this user."""
        with self._changed:
            self._seconds[owner] += seconds

    def _look_up(self, unknown: list[_Waiting]) -> None:
        owners = self._owners_of([each.answer for each in unknown]) if unknown else {}
        for each in unknown:
            each.owner = owners.get(each.answer, 0)
