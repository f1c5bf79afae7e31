"""How long a Stop takes while the upstream is silent: from the call to the upstream's socket being closed."""

import time
from dataclasses import dataclass

from tests.bench.rig import Rig
from tests.harness import parts
from tests.harness.upstream import prompt

PREFORK_CHILDREN = "12"  # a child that was terminated is away for up to 5 s


@dataclass
class Stops:
    """Times in seconds, sorted."""

    pool: str
    times: list[float]

    @property
    def median(self) -> float:
        return self.times[len(self.times) // 2]

    @property
    def worst(self) -> float:
        return self.times[-1]


def measure_stops(rig: Rig, pool: str, worker, count: int) -> Stops:
    """Stop `count` runs, one after the other, each blocked on a silent upstream."""
    from django.contrib.auth import get_user_model

    user, _ = get_user_model().objects.get_or_create(username="bench-stops")
    return Stops(pool, sorted(_stop_one(rig, user) for _ in range(count)))


def _stop_one(rig: Rig, user) -> float:
    from chatapp.chats.models import Session
    from runs.actions import send
    from runs.lifecycle import request_stop

    say = prompt(tokens=5, stall_after=3)
    run = send(Session.objects.create(owner=user), say, user=user)
    rig.upstream.wait(say.tag, "stalled")
    run.refresh_from_db()
    began = time.monotonic()
    request_stop(run, by=user)
    seen = rig.upstream.wait(say.tag, "closed")
    assert seen["ended"] == "closed by client", seen
    return seen["ended_at"] - began


def make_worker(rig: Rig, pool: str):
    options = ("-c", PREFORK_CHILDREN) if pool == "prefork" else ()
    env = rig.env | ({"DATABASE_POOL": "0"} if pool == "prefork" else {})
    return parts.make_worker(pool, rig.directory, env, *options, name=f"worker-{pool}")
