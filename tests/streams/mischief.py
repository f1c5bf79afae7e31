"""A channel layer that loses, doubles, delays and reorders what it is asked to send. Redis below it is real."""

from collections import deque
from enum import StrEnum

from channels_redis.pubsub import RedisPubSubChannelLayer

BACKEND = f"{__name__}.MischievousLayer"


class Fate(StrEnum):
    """What becomes of a group message."""

    PASS = "pass"
    DROP = "drop"
    DOUBLE = "double"
    HOLD = "hold"  # comes after later ones
    RELEASE = "release"  # passes, and after it all that were held, the newest first
    REFUSE = "refuse"  # the sender gets an error


class MischievousLayer(RedisPubSubChannelLayer):
    """Deals out the fates in `plan`, one a message; then everything passes. Those that are still held never come."""

    plan: deque[Fate] = deque()
    held: list[tuple[str, dict]] = []
    sent = 0

    @classmethod
    def expect(cls, fates: list[Fate]) -> None:
        cls.plan, cls.held, cls.sent = deque(fates), [], 0

    async def group_send(self, group: str, message: dict) -> None:
        fate = self.plan.popleft() if self.plan else Fate.PASS
        if fate == Fate.REFUSE:
            raise ConnectionError("mischief")
        if fate == Fate.HOLD:
            self.held.append((group, message))
        elif fate != Fate.DROP:
            await self._pass_on(group, message)
        if fate == Fate.DOUBLE:
            await self._pass_on(group, message)
        if fate == Fate.RELEASE:
            while self.held:
                await self._pass_on(*self.held.pop())

    async def _pass_on(self, group: str, message: dict) -> None:
        await self._get_layer().group_send(group, message)  # the layer of this event loop
        MischievousLayer.sent += 1
