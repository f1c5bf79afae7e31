"""The tables, for the terminal and for docs/benchmarks.md."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version

import psutil

from tests.bench.levels import OWN, Level
from tests.bench.stops import Stops
from tests.harness.parts import postgres_program
from tests.harness.processes import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"
HEADS = ["system", "runs", "CPU µs/token, all parts", *OWN, "p50 ms", "p99 ms", "upstream", "load gen."]


def levels_table(levels: list[tuple[str, Level]]) -> str:
    return _table(HEADS, [_row(name, level) for name, level in levels])


def _row(name: str, level: Level) -> list[str]:
    if level.failure:
        return [name, str(level.runs), f"broke down: {level.failure}", *[""] * (len(HEADS) - 3)]
    share = {part: f"{100 * used:.0f} %" for part, used in level.cpu.items()}
    own = [f"{level.micros_a_token:.0f}", *(share[part] for part in OWN)]
    if not level.cpu["web"]:
        own = ["–"] * len(own)
    flaw = (
        "" if level.share > 0.97 and not level.wrong else f" ({100 * level.share:.0f} % arrived, {level.wrong} wrong)"
    )
    times = [f"{1000 * level.p50:.1f}", f"{1000 * level.p99:.1f}{flaw}"]
    return [name, f"{level.runs:,}", *own, *times, share["upstream"], share["load"]]


def highest_table(found: list[tuple[str, Level | None, str]]) -> str:
    heads = ["system", "most runs with p99 < 250 ms", "CPU µs/token there", "p50 ms", "p99 ms", "what stopped it"]
    rows = []
    for name, level, limit in found:
        if level is None:
            rows.append([name, "none", "", "", "", limit])
            continue
        cost = f"{level.micros_a_token:.0f}" if level.cpu["web"] else "–"
        rows.append([name, f"{level.runs:,}", cost, f"{1000 * level.p50:.1f}", f"{1000 * level.p99:.1f}", limit])
    return _table(heads, rows)


def stops_table(stops: list[Stops]) -> str:
    heads = ["pool", "stops", "median ms", "worst ms", "not started within 30 s"]
    rows = [
        [s.pool, str(len(s.times)), f"{1000 * s.median:.1f}", f"{1000 * s.worst:.1f}", str(s.not_started)]
        for s in stops
    ]
    return _table(heads, rows)


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def circumstances(command: str, load_before: float) -> str:
    """Machine, versions, date and command: a figure without them means nothing."""
    packages = ("Django", "celery", "gevent", "channels", "channels_redis", "daphne", "uvicorn", "aiohttp", "psycopg")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    postgres = subprocess.run([postgres_program("postgres"), "--version"], capture_output=True, text=True).stdout
    memory = psutil.virtual_memory().total / 2**30
    return "\n".join(
        [
            f"- `{command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, revision {_revision()}",
            f"- {_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()};"
            f" load average before: {load_before:.1f}",
            f"- Python {platform.python_version()}, {versions}; {postgres.strip()} (fsync on)",
        ]
    )


def _revision() -> str:
    argv = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True).stdout.strip() or "unknown"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def write_page(figures: str) -> None:
    """Replace the marked section of docs/benchmarks.md."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{figures}\n\n{END}{rest.partition(END)[2]}")
