"""Where the time of a Stop goes: revoke → upstream closed → final state committed → follower notified.

`python -m tests.bench.stop_stages --stops 200` measures both pools, one Stop after the other, each of a run that waits
on a silent upstream, and writes the table into docs/reliability.md.
"""

import argparse
import threading
import time
from datetime import UTC, datetime

import psutil
import psycopg

from tests.bench.rig import Rig, open_rig
from tests.harness import parts
from tests.harness.facts import wait_until
from tests.harness.processes import ROOT
from tests.harness.upstream import prompt

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- stages of a Stop: written by tests.bench.stop_stages -->", "<!-- end of stages -->"
LOOK_SECONDS = 0.0005  # s between polls for the committed final state
STAGES = ["upstream closed", "final state committed", "follower notified"]


class Clerk:
    """Records when a run's final state becomes visible to others. Polls from the Stop on, over its own connection."""

    def __init__(self, url: str):
        self.connection = psycopg.connect(url, autocommit=True)

    def watch(self, run_id) -> "Clerk":
        self.at: float | None = None
        self.thread = threading.Thread(target=self._watch, args=(run_id,), daemon=True)
        self.thread.start()
        return self

    def _watch(self, run_id) -> None:
        pause = threading.Event()
        query = "SELECT finished_at IS NOT NULL FROM runs_run WHERE id = %s"
        while not self.connection.execute(query, (run_id,)).fetchone()[0]:
            pause.wait(LOOK_SECONDS)
        self.at = time.monotonic()


def measure(rig: Rig, pool: str, url: str, count: int) -> list[list[float]]:
    """Seconds from the Stop to each of STAGES, for each of `count` stops."""
    from tests.harness.people import Person

    alice, clerk, times = Person(url, "alice"), Clerk(rig.env["DATABASE_URL"]), []
    worker = rig.make_worker(pool).start()
    parts.wait_for_worker(worker)
    children = len(psutil.Process(worker.pid).children())
    for _ in range(count):
        wait_until(lambda: len(psutil.Process(worker.pid).children()) >= children, "the child is replaced")
        times.append(_stop_one(rig, alice, clerk))
    worker.kill()
    return times


def _stop_one(rig: Rig, alice, clerk: Clerk) -> list[float]:
    from runs.lifecycle.stop import request_stop
    from runs.models import Run

    say = prompt(tokens=5, stall_after=3)
    run = alice.send(say)
    rig.upstream.wait(say.tag, "stalled")
    follower = alice.follow(run).wait_for_text("w3 ")
    run = Run.objects.get(pk=run.pk)
    clerk.watch(run.pk)
    began = time.monotonic()
    request_stop(run, by=alice.user)
    told = follower.wait_for_final().at
    closed = rig.upstream.wait(say.tag, "closed")["ended_at"]
    wait_until(lambda: clerk.at, "the final state is committed")
    follower.close()
    alice.followers.clear()
    return [at - began for at in (closed, clerk.at, told)]


def table(found: dict[str, list[list[float]]]) -> str:
    lines = ["| pool | from the revoke to | median ms | p99 ms | worst ms |", "| --- | --- | ---: | ---: | ---: |"]
    for pool, rows in found.items():
        for number, stage in enumerate(STAGES):
            times = sorted(1000 * row[number] for row in rows)
            p99 = times[min(len(times) - 1, int(0.99 * len(times)))]
            lines.append(f"| {pool} | {stage} | {times[len(times) // 2]:.1f} | {p99:.1f} | {times[-1]:.1f} |")
    return "\n".join(lines)


def write_page(text: str) -> None:
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stop_stages", description=__doc__)
    parser.add_argument("--stops", type=int, default=200, help="for each pool")
    options = parser.parse_args()
    with open_rig() as rig:
        rig.env |= {"USER_MAX_SENDS": "100000", "TITLES": "0"}
        web, url = parts.make_web("daphne", rig.directory, rig.env)
        web.start()
        parts.wait_for_web(web, url)
        found = {pool: measure(rig, pool, url, options.stops) for pool in ("gevent", "prefork")}
    when = f"{options.stops} stops a pool, PostgreSQL, daphne, 2 cores, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
    text = f"{when}\n\n{table(found)}"
    print(text)
    write_page(text)


if __name__ == "__main__":
    main()
