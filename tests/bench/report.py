"""The tables, for the terminal and for docs/benchmarks.md."""

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import psutil

from tests.bench.findings import Findings
from tests.bench.levels import LIMIT_SHARE, OWN, Level, Series
from tests.bench.memory import Memory
from tests.bench.replay import Replay
from tests.bench.stop_stages import table as stops_table
from tests.bench.systems import Haproxy
from tests.bench.targets import Target, judge
from tests.harness.parts import postgres_program
from tests.harness.processes import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"
PACKAGES = ["Django", "celery", "gevent", "channels", "channels_redis", "daphne", "uvicorn", "httptools", "uvloop"]
PACKAGES += ["aiohttp", "psycopg", "orjson"]
NONE = "–"


def figures(found: Findings, command: str, load_before: float, seconds: float) -> str:
    """The part of the page that the benchmark writes. Unmeasured tables are left out; their targets are not."""
    sections = [circumstances(command, load_before, seconds)]
    for title, text in (
        ("Targets", targets_table(judge(found))),
        ("All systems under the same load", levels_table(found.series)),
        ("The most runs, at 20 tokens/s each", highest_table(found)),
        ("Memory", found.memory and memory_line(found.memory)),
        ("Replay of a long stream", found.replay and replay_table(found.replay)),
        ("Disk", found.disk and disk_table(found)),
        ("Stop", found.stops and stops_table(found.stops)),
    ):
        if text:
            sections.append(f"### {title}\n\n{text}")
    return "\n\n".join(sections)


def targets_table(targets: list[Target]) -> str:
    heads = ["against", "what", "target", "measured", ""]
    rows = [
        [
            t.against,
            t.what,
            f"{t.sign} {t.limit:g}{t.unit}",
            _number(t.measured) + t.unit * (t.measured is not None),
            t.verdict,
        ]
        for t in targets
    ]
    return _table(heads, rows)


def _number(value: float | None) -> str:
    """Three significant digits, no exponent."""
    if value is None:
        return NONE
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def levels_table(series: list[Series]) -> str:
    heads = ["system", "runs", "windows", "CPU µs/token, all parts", "lowest–highest", *OWN, "p50 ms", "p99 ms"]
    heads += ["upstream", "load gen.", "others"]
    rows = [_level_row(entry, len(heads)) for entry in sorted(series, key=lambda entry: (entry.system, entry.runs))]
    return _table(heads, rows) if rows else ""


def _level_row(series: Series, width: int) -> list[str]:
    level, about = series.median, [series.system, f"{series.runs:,}", str(len(series.levels))]
    if level.failure:
        return [*about, f"broke down: {level.failure}", *[""] * (width - len(about) - 1)]
    share = {part: f"{100 * used:.0f} %" for part, used in level.cpu.items()}
    own = [NONE] * (2 + len(OWN))
    if level.micros_a_token:
        spread = f"{series.micros[0]:.0f}–{series.micros[-1]:.0f}"
        own = [f"{level.micros_a_token:.0f}", spread, *(share[part] if level.cpu[part] else NONE for part in OWN)]
    times = [f"{1000 * level.p50:.1f}", f"{1000 * level.p99:.1f}{flaw(level)}"]
    return [*about, *own, *times, *(share[name] for name in ("upstream", "load", "others"))]


def flaw(level: Level) -> str:
    """What is wrong with a level, apart from its latencies, in brackets; usually empty."""
    if level.share > LIMIT_SHARE and not level.wrong:
        return ""
    return f" ({100 * level.share:.0f} % arrived, {level.wrong} wrong)"


def highest_table(found: Findings) -> str:
    heads = ["system", "most runs with p99 < 250 ms", "CPU µs/token there", "p50 ms", "p99 ms", "limited by"]
    rows = []
    for entry in found.highest:
        if entry.level is None:
            rows.append([entry.system, "none", "", "", "", entry.limit])
            continue
        level, cost = entry.level, f"{entry.level.micros_a_token:.0f}"
        rows.append(
            [entry.system, f"{level.runs:,}", cost, f"{1000 * level.p50:.1f}", f"{1000 * level.p99:.1f}", entry.limit]
        )
    return _table(heads, rows) if rows else ""


def memory_line(memory: Memory) -> str:
    return (
        f"{memory.runs:,} runs with one follower each, all of them writing, compared with none "
        f"(proportional set size): {memory.worker / 1024:.1f} KB per run in the worker, "
        f"{memory.web / 1024:.1f} KB per follower in the web process."
    )


def replay_table(replay: Replay) -> str:
    heads = [f"{replay.events:,} events, finished, not compacted; SSE over loopback", "median ms"]
    rows = [
        ["the first event", f"{1000 * replay.first_event:.1f}"],
        ["the first 1,000 events", f"{1000 * replay.first_page:.1f}"],
        ["all", f"{1000 * replay.all:.0f}"],
        ["opening the session's page", f"{1000 * replay.opening:.1f}"],
    ]
    queries = f"{replay.opening_queries} queries, {replay.opening_log_queries} of them to the log"
    return f"{_table(heads, rows)}\n\nThe page takes {queries}: the message is the folded stream."


def disk_table(found: Findings) -> str:
    disk = found.disk
    heads = [
        f"KB per finished run of {disk.tokens} events, indexes included ({disk.runs} runs)",
        "before",
        "after compaction",
    ]
    kb = lambda size: f"{size / 1024:.1f}"  # noqa: E731
    rows = [
        ["log", kb(disk.log), kb(disk.compacted_log)],
        ["run, two messages, session", kb(disk.rest), kb(disk.rest)],
        ["all", kb(disk.log + disk.rest), kb(disk.compacted_log + disk.rest)],
    ]
    return _table(heads, rows)


def _table(heads: list[str], rows: Iterable[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [heads, ["---"] * len(heads), *rows])


def circumstances(command: str, load_before: float, seconds: float) -> str:
    """Machine, versions, date and command: a figure without them means nothing."""
    versions = ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name)))
    memory = psutil.virtual_memory().total / 2**30
    programs = [[postgres_program("postgres"), "--version"], [Haproxy.program(), "-v"]]
    return "\n".join(
        [
            f"- `{command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, took {seconds / 60:.0f} min, at {_revision()}",
            f"- {_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()};"
            f" load average before: {load_before:.1f}",
            f"- Python {platform.python_version()}, {versions}",
            f"- {', '.join(_version_line_of(argv) for argv in programs if argv[0])}; PostgreSQL with fsync on",
        ]
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _version_line_of(argv: list[str]) -> str:
    lines = subprocess.run(argv, capture_output=True, text=True).stdout.splitlines()
    return lines[0].partition(" - ")[0].strip() if lines else ""


def _revision() -> str:
    argv = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True).stdout.strip() or "unknown"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def write_page(text: str) -> None:
    """Replace the marked section of docs/benchmarks.md."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")
