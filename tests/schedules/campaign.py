"""Two beats, three workers, kills, pauses and clocks that jump: each time of each schedule is asked once.

What is looked at in the end is not only the table of occurrences, whose constraint would forbid a second one, but the
messages that were sent: each says which schedule and which minute it is for.
"""

import json
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.contrib.auth import get_user_model

from chatapp.chats.models import Message, Role
from chatapp.schedules.models import UNFINISHED, Kind, Occurrence, Overlap, Schedule, State, Target
from runs.models import Run
from runs.states import Trigger
from tests.harness import parts
from tests.harness.facts import wait_until
from tests.harness.processes import Part
from tests.schedules.shifted import read_clock

SPEED = 30  # minutes a minute: a schedule that is due every minute is due every other second. With twice as many a busy
# machine was given more to do than it could, and what waited did not end within PATIENCE
START = datetime(2026, 3, 28, 20, tzinfo=UTC)  # the night in which Berlin's clocks change
SCHEDULES, BEATS, WORKERS = 12, 2, 3
CALM_MINUTES = 4  # on the clock, after the last fault: everything has to be as if nothing had happened
PATIENCE = 60.0  # s

JUMPS = [timedelta(hours=3), timedelta(days=1), timedelta(minutes=20), timedelta(days=-1), timedelta(minutes=-30)]
SKEWS = [timedelta(minutes=-10), timedelta(minutes=10), timedelta(0), timedelta(0)]
FAULTS = {"kill worker": 4, "kill beat": 2, "suspend worker": 2, "jump": 5, "skew": 2}
REST_SECONDS = (0.3, 1.2)  # between two faults


class Campaign:
    def __init__(self, stack, seed: int):
        self.stack, self.dice, self.counts = stack, random.Random(seed), Counter()
        self.clock_path = Path(stack.directory) / "clock.json"
        self.clock = {"start": START.isoformat(), "since": time.time(), "speed": SPEED, "ahead": 0.0, "skews": {}}
        self.furthest = START
        self._write_clock()
        self.workers = [self._part(f"worker{n}", ["worker", "-P", "gevent"]) for n in range(WORKERS)]
        self.beats = [
            self._part(f"beat{n}", ["beat", "--pidfile", "", "-s", self._file(f"b{n}")]) for n in range(BEATS)
        ]

    def _file(self, name: str) -> str:
        return str(Path(self.stack.directory) / name)

    def _part(self, name: str, words: list[str]) -> Part:
        argv = [sys.executable, "-m", "celery", "-A", "tests.schedules.shifted", *words, "-l", "INFO"]
        if words[0] == "worker":
            argv += ["--without-mingle", "--without-gossip", "-n", f"{name}@%h"]
        env = {**self.stack.env, "CLOCK": str(self.clock_path), "PROCESS": name, "DATABASE_POOL": "4"}
        return Part(name, argv, Path(self.stack.directory), env)

    def _write_clock(self) -> None:
        fresh = self.clock_path.with_suffix(".new")
        fresh.write_text(json.dumps(self.clock))
        fresh.replace(self.clock_path)

    @property
    def now(self) -> datetime:
        return read_clock(self.clock_path)

    # -- the course of it ------------------------------------------------------------------------

    def run(self, seconds: float) -> Counter:
        """Faults for so long, then calm. Returns what was done; AssertionError for what should not have happened."""
        self._make_schedules()
        try:
            for part in (*self.workers, *self.beats):
                self.stack.more.append(part.start())
            for worker in self.workers:
                parts.wait_for_worker(worker)
            self._trouble(seconds)
            self._calm()
        except AssertionError:
            for part in (*self.beats, *self.workers):
                print(f"--- {part.name}\n{part.tail(60)}")
            raise
        finally:
            for part in (*self.beats, *self.workers):
                part.kill()
        self.counts["occurrences"] = Occurrence.objects.count()
        self.counts["questions"] = len(self._questions())
        return self.counts

    def _make_schedules(self) -> None:
        owner = get_user_model().objects.create_user("alice")
        start = START + timedelta(minutes=1)
        for number in range(SCHEDULES):
            rule = {"kind": Kind.EVERY, "minutes": 1 + number % 3, "starts_at": start}
            if number % 4 == 3:
                rule = {"kind": Kind.CRON, "cron": "*/2 * * * *"}
            Schedule.objects.create(
                owner=owner,
                name=f"plan {number}",
                prompt=f'plan {number} at {{{{date}}}} {{{{time}}}}\nscript: {{"tokens": 2, "tag": "plan-{number}"}}',
                zone="UTC",  # so that no minute of the message comes twice
                target=Target.SAME if number % 2 else Target.NEW,
                overlap=Overlap.ENQUEUE if number % 3 else Overlap.SKIP,
                next_at=start,
                computed_at=START,
                **rule,
            )

    def _trouble(self, seconds: float) -> None:
        over = time.monotonic() + seconds
        while time.monotonic() < over:
            fault = self.dice.choices(list(FAULTS), list(FAULTS.values()))[0]
            getattr(self, f"_{fault.replace(' ', '_')}")()
            self.counts[fault] += 1
            self._rest()

    def _rest(self) -> None:
        """What happens meanwhile is the point of it."""
        over = time.monotonic() + self.dice.uniform(*REST_SECONDS)
        wait_until(lambda: time.monotonic() > over, "a rest")

    def _kill_worker(self) -> None:
        worker = self.dice.choice(self.workers)
        worker.kill()
        worker.start()  # and the next fault does not wait for it

    def _kill_beat(self) -> None:
        beat = self.dice.choice(self.beats)
        beat.kill()
        beat.start()

    def _suspend_worker(self) -> None:
        worker = self.dice.choice(self.workers)
        worker.suspend()
        self._rest()
        worker.resume()

    def _jump(self) -> None:
        self.clock["ahead"] += self.dice.choice(JUMPS).total_seconds()
        self._write_clock()

    def _skew(self) -> None:
        process = f"worker{self.dice.randrange(WORKERS)}"
        self.clock["skews"][process] = self.dice.choice(SKEWS).total_seconds()
        self._write_clock()

    def _calm(self) -> None:
        """Everybody is up and of one mind about the time: nothing is left out, and everything ends."""
        self.clock["skews"] = {}
        self.clock["ahead"] += timedelta(days=2).total_seconds()  # where nothing has been yet
        self._write_clock()
        for worker in self.workers:
            parts.wait_for_worker(worker)
        begun = self.now
        wait_until(lambda: self._is_up_to_date(begun), "all schedules have noticed", PATIENCE)
        until = begun + timedelta(minutes=CALM_MINUTES)
        wait_until(lambda: self._is_up_to_date(until), "all schedules go on", PATIENCE)
        assert self._missing(begun, until) == []
        Schedule.objects.update(paused="owner")
        wait_until(self._is_quiet, "everything ends", PATIENCE)
        self.look()

    def _is_up_to_date(self, until: datetime) -> bool:
        return not Schedule.objects.filter(next_at__lte=until).exists()

    def _missing(self, begun: datetime, until: datetime) -> list[str]:
        """Times within the calm that nobody accounts for: claimed, or counted as missed by a later one.

        That one may itself be due after the calm: a busy machine looks late.
        """
        missing = []
        for schedule in Schedule.objects.all():
            found = schedule.occurrences.filter(due_at__gt=begun, due_at__lte=until)
            later = schedule.occurrences.filter(due_at__gt=until).order_by("due_at").first()
            accounted = found.count() + sum(found.values_list("missed_before", flat=True))
            accounted += later.missed_before if later else 0
            due = list(_until(schedule.rule.after(begun), until))
            if accounted < len(due):
                missing.append(f"{schedule.name}: {accounted} of {len(due)}")
        return missing

    def _is_quiet(self) -> bool:
        unfinished = Occurrence.objects.filter(state__in=UNFINISHED)
        return not unfinished.exists() and not Run.objects.active().exists()

    # -- what has to be true ---------------------------------------------------------------------

    def _questions(self) -> list[str]:
        return list(Message.objects.filter(role=Role.USER).values_list("content", flat=True))

    def look(self) -> None:
        questions = self._questions()
        twice = [text for text, count in Counter(questions).items() if count > 1]
        assert twice == [], "asked twice"
        runs = Run.objects.filter(trigger=Trigger.SCHEDULE)
        with_run = Occurrence.objects.filter(run__isnull=False)
        assert set(runs.values_list("pk", flat=True)) == set(with_run.values_list("run", flat=True))
        assert runs.count() == with_run.count() == len(questions)
        asked = Occurrence.objects.exclude(state__in=[State.SKIPPED, State.MISSED])
        assert not asked.filter(run=None).exists(), "claimed, and never asked"
        for occurrence in with_run.select_related("schedule", "run__message__parent"):
            said = occurrence.run.message.parent.content.split("\n")[0]
            assert said == f"{occurrence.schedule.name} at {occurrence.due_at:%Y-%m-%d %H:%M}"
        self._look_upstream()

    def _look_upstream(self) -> None:
        """The model server was asked by each run that began, once, and by nobody else."""
        for number in range(SCHEDULES):
            begun = Run.objects.filter(message__parent__content__startswith=f"plan {number} at", attempt__gt=0)
            heard = len(self.stack.upstream.connections(f"plan-{number}"))
            assert heard <= sum(begun.values_list("attempt", flat=True)), f"plan {number} was asked too often"
            completed = begun.filter(status="completed").count()
            assert heard >= completed
            self.counts["requests"] += heard


def _until(moments, until: datetime):
    for moment in moments:
        if moment > until:
            return
        yield moment
