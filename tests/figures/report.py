"""The table, for the terminal and for docs/figures.md."""

import os
import platform
import subprocess
from datetime import UTC, datetime

from tests.figures.figure import Figure
from tests.harness.processes import ROOT

PAGE = ROOT / "docs" / "figures.md"
BEGIN, END = "<!-- figures: written by make figures -->", "<!-- end of figures -->"
HEADS = ["what", "limit", "median", "90 % within", "measured", ""]


def page_section(figures: list[Figure], command: str, load_before: float) -> str:
    return f"{circumstances(command, load_before)}\n\n{table(figures)}"


def circumstances(command: str, load_before: float) -> str:
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return "\n".join(
        [
            f"- `{command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, at {revision.stdout.strip()}",
            f"- {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()};"
            f" load average before: {load_before:.1f}, after: {os.getloadavg()[0]:.1f}",
        ]
    )


def table(figures: list[Figure]) -> str:
    rows = [HEADS, ["---"] * len(HEADS), *map(_row, figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(figure: Figure) -> list[str]:
    limit = "" if figure.limit is None else f"≤ {_number(figure.limit, figure.unit)}"
    middle, most = _number(figure.median, figure.unit), _number(figure.p90, figure.unit)
    return [figure.what, limit, middle, most, f"{len(figure.values)} ×", figure.verdict]


def _number(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".strip() if value < 100 else f"{value:,.0f} {unit}".strip()


def write_page(text: str) -> None:
    """Replace the marked section of the page."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")
