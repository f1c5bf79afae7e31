"""chatapp's Celery with another clock for schedules, for the campaign: `celery -A tests.schedules.shifted worker`.

The clock runs fast, jumps, and is another one in each process: `CLOCK` names a file that says how it goes now. Only the
tick looks at it; leases, limits and everything else go by the real one.
"""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from celery import signals

from chatapp.celery import app

TICK_SECONDS = 0.8  # of real time

app.conf.beat_schedule = {
    **app.conf.beat_schedule,
    "schedules": {"task": "chatapp.schedules.tasks.tick", "schedule": TICK_SECONDS},
}


def read_clock(path: Path, process: str = "") -> datetime:
    """What a process's clock says now."""
    clock = json.loads(path.read_text())
    seconds = (time.time() - clock["since"]) * clock["speed"] + clock["ahead"] + clock["skews"].get(process, 0)
    return datetime.fromisoformat(clock["start"]).astimezone(UTC) + timedelta(seconds=seconds)


@signals.worker_init.connect
def shift(**kwargs) -> None:
    from chatapp.schedules import tasks

    tasks.clock = SimpleNamespace(read=lambda: read_clock(Path(os.environ["CLOCK"]), os.environ["PROCESS"]))
