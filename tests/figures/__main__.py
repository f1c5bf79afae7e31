"""Measure, print the table and, after a complete run, write it into docs/figures.md."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable

from tests.figures import report
from tests.figures.figure import Figure
from tests.figures.rig import Rig, open_rig

NAMES = ("first-word", "drawing", "first-view", "returning")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.figures", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each latency is measured")
    parser.add_argument("--only", default="", help=f"measure one of {', '.join(NAMES)}; docs stay as they are")
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    figures: list[Figure] = []
    with open_rig(options.rounds) as rig:
        for name, measure in measures().items():
            if options.only in ("", name):
                figures += measure(rig)
                print(f"{name} done", file=sys.stderr)
    text = report.page_section(figures, f"python -m tests.figures {shlex.join(sys.argv[1:])}".strip(), load_before)
    print(text)
    if not options.only:
        report.write_page(text)


def measures() -> dict[str, Callable[[Rig], list[Figure]]]:
    """Imported late, since models need Django to be set up."""
    from tests.figures import drawing, first_view, first_word, returning

    functions = (first_word.measure, drawing.measure, first_view.measure, returning.measure)
    return dict(zip(NAMES, functions, strict=True))


if __name__ == "__main__":
    main()
