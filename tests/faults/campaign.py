"""Many episodes on one set of parts: progress, counts, and the logs of failed episodes."""

import contextlib
import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable

from tests.faults.claims import ALL
from tests.faults.episode import Outcome, run_episode
from tests.faults.parts import Town
from tests.faults.plan import draw
from tests.harness.processes import ROOT
from tests.harness.stack import ensure_model

KEPT = ROOT / "var" / "faults"  # logs of failed episodes


class Campaign:
    """One database, one pool. `counts()` returns the results as JSON values."""

    def __init__(self, town: Town, database: str, pool: str, say: Callable[[str], None]):
        self.town, self.database, self.pool, self.say = town, database, pool, say
        self.faults: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()
        self.replies: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.checks: Counter[str] = Counter()
        self.violations: list[dict] = []
        self.episodes = self.legs = self.events_seen = 0
        self.slowest_end, self.began = 0.0, time.monotonic()

    def run(self, seed: int, episodes: int, faults: int) -> None:
        logging.getLogger("django.db.backends").setLevel(logging.ERROR)
        self.town.start()
        ensure_model(self.town.upstream)
        while self.episodes < episodes and self.faults.total() < faults:
            self._run_episode(seed + self.episodes)

    def _run_episode(self, seed: int) -> None:
        before = time.monotonic()
        outcome = run_episode(self.town, draw(seed, self.database, self.pool))
        self._add(outcome)
        self.say(
            f"{self.database}/{self.pool} episode {self.episodes} (seed {seed}): {time.monotonic() - before:.0f} s,"
            f" {outcome.faults.total()} faults, {self.faults.total()} so far, {outcome.ends.total()} runs,"
            f" last end {outcome.slowest_end:.1f} s after quiet, {len(outcome.verdict.violations)} violations"
        )
        if outcome.verdict.violations:
            self._keep(outcome)

    def _add(self, outcome: Outcome) -> None:
        self.episodes += 1
        self.faults += outcome.faults
        self.troubles += outcome.troubles
        self.ends += outcome.ends
        self.replies += outcome.replies
        self.checks += outcome.verdict.checks
        self.legs += outcome.legs
        self.events_seen += outcome.events_seen
        self.slowest_end = max(self.slowest_end, outcome.slowest_end)

    def _keep(self, outcome: Outcome) -> None:
        """Report the violations, keep the logs, and start again with fresh parts."""
        place = KEPT / f"{self.database}-{self.pool}-{outcome.seed}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        lines = [f"{invariant}: {what}" for invariant, what in outcome.verdict.violations]
        for line in lines[:8]:
            self.say(f"VIOLATION {line}")
        command = self.command(outcome.seed)
        self.say(f"again with: {command}   (logs: {place})")
        (place / "violations.txt").write_text("\n".join([command, str(outcome.faults), *lines]))
        for part in self.town.parts:
            with contextlib.suppress(OSError):
                shutil.copy(part.log_path, place)
        self.violations += [
            {"invariant": invariant, "what": what, "command": command} for invariant, what in outcome.verdict.violations
        ]
        self.town.renew()

    def command(self, seed: int) -> str:
        return f"python -m tests.faults --database {self.database} --pool {self.pool} --seed {seed} --episodes 1"

    def counts(self) -> dict:
        return {
            "database": self.database,
            "pool": self.pool,
            "episodes": self.episodes,
            "seconds": time.monotonic() - self.began,
            "faults": self.faults,
            "troubles": self.troubles,
            "ends": self.ends,
            "replies": self.replies,
            "checks": {name: self.checks[name] for name in ALL},
            "violations": self.violations,
            "legs": self.legs,
            "events_seen": self.events_seen,
            "slowest_end": self.slowest_end,
        }
