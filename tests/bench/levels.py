"""One level: so many runs at once, measured for some windows; and the search for the highest level."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.meter import Meter
from tests.bench.rig import Rig
from tests.bench.systems import RATE, paced_prompt

LIMIT_P99_SECONDS = 0.250
WARM_UP_SECONDS = 1.5  # after the release: every run has begun to write
OWN = ("web", "worker", "valkey", "postgres")


@dataclass
class Level:
    """What one level showed: medians over its windows. Times in seconds; CPU as a share of one core."""

    runs: int
    p50: float
    p99: float
    share: float  # of the tokens due that arrived
    wrong: int  # gaps and doubles
    cpu: dict[str, float]
    tokens_a_second: float
    failure: str = ""

    @property
    def micros_a_token(self) -> float:
        """µs of CPU for each token, in all parts of the system together."""
        return 1e6 * sum(self.cpu[name] for name in OWN) / self.tokens_a_second if self.tokens_a_second else 0.0

    @property
    def holds(self) -> bool:
        return not self.failure and not self.wrong and self.share > 0.97 and self.p99 < LIMIT_P99_SECONDS


def measure(rig: Rig, system, runs: int, windows: int, seconds: float) -> Level:
    """Let `runs` runs write at once and measure them. A level that breaks down is a Level that says so."""
    say = paced_prompt(tokens=int(RATE * (WARM_UP_SECONDS + windows * seconds + 1)))
    try:
        readings = system.prepare(runs, say)
        rig.crowd.tell("open", port=readings.port, requests=readings.requests, ready=readings.ready)
        rig.upstream.release(say.tag, runs)
        rig.crowd.tell("window", seconds=WARM_UP_SECONDS)
        samples = [_window(rig, system, runs, seconds) for _ in range(windows)]
        wrong = rig.crowd.tell("close")["wrong"]
    except (OSError, AssertionError) as error:
        rig.crowd.tell("close")
        rig.upstream.release(say.tag, runs)
        return Level(runs, float("inf"), float("inf"), 0, 0, {}, 0, failure=repr(error)[:200])
    finally:
        system.clear()
    return _median(samples, wrong)


def _window(rig: Rig, system, runs: int, seconds: float) -> Level:
    meter = Meter(rig.groups(system.web, system.worker))
    seen = rig.crowd.tell("window", seconds=seconds)
    cpu = {name: used / seen["seconds"] for name, used in meter.seconds().items()}
    cpu["load"] = seen["cpu"] / seen["seconds"]
    tokens = seen["tokens"] / seen["seconds"]
    return Level(runs, seen["p50"], seen["p99"], tokens / (runs * RATE), 0, cpu, tokens)


def _median(samples: list[Level], wrong: int) -> Level:
    middle = lambda pick: statistics.median(pick(sample) for sample in samples)  # noqa: E731
    cpu = {name: middle(lambda sample, name=name: sample.cpu[name]) for name in samples[0].cpu}
    p50, p99, share = middle(lambda s: s.p50), middle(lambda s: s.p99), middle(lambda s: s.share)
    return Level(samples[0].runs, p50, p99, share, wrong, cpu, middle(lambda s: s.tokens_a_second))


def highest(try_level: Callable[[int], Level], start: int, ceiling: int, steps: int) -> Level | None:
    """The highest level that holds: doubling from `start`, then `steps` bisections; halving if `start` fails."""
    good, bad, runs = None, None, start
    while runs <= ceiling and bad is None:
        level = try_level(runs)
        if level.holds:
            good, runs = level, runs * 2
        else:
            bad = runs
    while good is None and bad and bad > 1:
        level = try_level(bad // 2)
        good, bad = (level, bad) if level.holds else (None, bad // 2)
    for _ in range(steps if good and bad else 0):
        if bad - good.runs <= max(good.runs // 8, 1):
            break
        level = try_level((good.runs + bad) // 2)
        good, bad = (level, bad) if level.holds else (good, level.runs)
    return good
