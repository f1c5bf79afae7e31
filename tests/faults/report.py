"""The tables of a campaign, for the terminal and for docs/reliability.md."""

import os
import platform
import subprocess
from collections import Counter
from datetime import UTC, datetime

from tests.faults.claims import ALL
from tests.harness.processes import ROOT

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- counts: written by make faults -->", "<!-- end of counts -->"


def tables(results: list[dict]) -> str:
    """All counts, a column for each combination of database and pool."""
    heads = [f"{result['database']}, {result['pool']}" for result in results]
    return "\n\n".join(
        [
            _table(["", *heads, "all"], _sizes(results)),
            "Faults injected:",
            _counts("fault", heads, [result["faults"] for result in results]),
            "Runs by upstream failure:",
            _counts("upstream failure", heads, [result["troubles"] for result in results]),
            "The last response to each message (HTTP status; a refused or unanswered message was sent again):",
            _counts("status", heads, [result["replies"] for result in results]),
            "How the runs ended:",
            _counts("end", heads, [result["ends"] for result in results]),
            "Invariants, with the number of checks and of violations:",
            _table(["invariant", *heads, "all", "violations"], [_invariant(name, results) for name in ALL]),
        ]
    )


def _sizes(results: list[dict]) -> list[list[str]]:
    rows = []
    for label, key in (("episodes", "episodes"), ("readers' connections", "legs"), ("events read", "events_seen")):
        numbers = [result[key] for result in results]
        rows.append([label, *(f"{number:,}" for number in (*numbers, sum(numbers)))])
    minutes = [result["seconds"] / 60 for result in results]
    rows.append(["minutes", *(f"{value:.0f}" for value in (*minutes, sum(minutes)))])
    slowest = [result["slowest_end"] for result in results]
    rows.append(
        ["slowest end after the last fault, s", *(f"{value:.1f}" for value in (*slowest, max(slowest, default=0)))]
    )
    return rows


def _counts(what: str, heads: list[str], counts: list[dict]) -> str:
    total = sum((Counter(count) for count in counts), Counter())
    rows = [[name, *(f"{count.get(name, 0):,}" for count in counts), f"{total[name]:,}"] for name in sorted(total)]
    rows.append(["**all**", *(f"{sum(count.values()):,}" for count in counts), f"**{total.total():,}**"])
    return _table([what, *heads, "all"], rows)


def _invariant(name: str, results: list[dict]) -> list[str]:
    checks = [result["checks"][name] for result in results]
    violations = sum(violation["invariant"] == name for result in results for violation in result["violations"])
    return [name, *(f"{count:,}" for count in (*checks, sum(checks))), str(violations)]


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def with_circumstances(results: list[dict], command: str) -> str:
    """The tables, with the command, date, commit and machine."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit.stdout.strip()}, Python {platform.python_version()}"
    return f"`{command}`, {when}, {os.cpu_count()} cores.\n\n{tables(results)}"


def write_page(text: str) -> None:
    """Put a report into docs/reliability.md, between the marks."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
