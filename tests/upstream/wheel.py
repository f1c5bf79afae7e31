"""A timer wheel: many streams are paced by one timer, so that the pacing itself costs next to nothing."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

SLOT_SECONDS = 0.001  # fine enough beside the 50 ms between two tokens of one stream


class Wheel:
    """Calls back at given times of the loop's clock, as one wake-up for all that fall into the same slot."""

    def __init__(self):
        self._slots: dict[int, list[Callable[[], None]]] = defaultdict(list)
        self._running = False

    def at(self, when: float, callback: Callable[[], None]) -> None:
        """Call `callback` at `when` (s, loop time), never earlier, at most a slot later than due."""
        if not self._running:
            self._running = True
            self._done_until = int(asyncio.get_running_loop().time() / SLOT_SECONDS) - 1
            asyncio.get_running_loop().call_later(SLOT_SECONDS, self._turn)
        # What is overdue goes into the next slot: those before it will not be looked at again.
        self._slots[max(int(when / SLOT_SECONDS), self._done_until) + 1].append(callback)

    def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        now = int(loop.time() / SLOT_SECONDS)
        due = sorted(slot for slot in self._slots if slot <= now)
        self._done_until = now
        for slot in due:
            for callback in self._slots.pop(slot):
                callback()
        if self._slots:
            loop.call_later(SLOT_SECONDS, self._turn)
        else:
            self._running = False
