"""How long a Stop takes while the upstream is silent: from the call to the upstream's socket being closed."""

import time
from dataclasses import dataclass
from urllib.error import HTTPError

import psutil

from tests.bench.rig import Rig
from tests.harness import parts
from tests.harness.facts import wait_until
from tests.harness.processes import Part
from tests.harness.upstream import prompt

PREFORK_CHILDREN = "12"  # a child that was terminated is away for up to 5 s


@dataclass
class Stops:
    """Times in seconds, sorted."""

    pool: str
    times: list[float]
    not_started: int  # runs that no worker had begun after 30 s

    @property
    def median(self) -> float:
        return self.times[len(self.times) // 2]

    @property
    def worst(self) -> float:
        return self.times[-1]


def measure_stops(rig: Rig, pool: str, worker: Part, count: int) -> Stops:
    """Stop `count` runs, one after the other, each blocked on a silent upstream.

    On prefork a Stop costs a child; the next one waits until the worker has replaced it, which keeps it busy.
    """
    from django.contrib.auth import get_user_model

    user, _ = get_user_model().objects.get_or_create(username="bench-stops")
    children = len(psutil.Process(worker.pid).children())
    times = []
    for _ in range(count):
        wait_until(lambda: len(psutil.Process(worker.pid).children()) >= children, "the child is replaced")
        try:
            times.append(_stop_one(rig, user))
        except HTTPError:  # the upstream has not been asked within its patience
            continue
    return Stops(pool, sorted(times), count - len(times))


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
