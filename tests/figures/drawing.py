"""What the page does while an answer arrives: long tasks, and whether anything on it moves."""

from tests.browser.scenes import RICH, speaking
from tests.browser.window import PATIENCE, expect
from tests.figures.figure import Figure
from tests.figures.rig import Rig
from tests.harness.upstream import prompt

LONG_TASK, SHIFT = 50, 0.01  # ms; of the layout, cumulative
CHARACTERS = 100_000
PARAGRAPH = "Some **bold** words, a `piece of code` and a [link](https://example.org/) in a line of text.\n\n"
WATCH = """
window.long = [];
new PerformanceObserver((list) => window.long.push(...list.getEntries().map(({ duration }) => duration)))
  .observe({ type: "longtask", buffered: true });
window.shift = 0;
const count = ({ value, hadRecentInput }) => (window.shift += hadRecentInput ? 0 : value); // as CLS is defined
new PerformanceObserver((list) => list.getEntries().forEach(count))
  .observe({ type: "layout-shift", buffered: true });
"""


def measure(rig: Rig) -> list[Figure]:
    long, shifts = [], []
    for _ in range(3):
        tasks, shift = _watch(rig, [PARAGRAPH * (CHARACTERS // len(PARAGRAPH) + 1)], rate=2_500)
        long.append(max(tasks, default=0))
        shifts.append(shift)
    rich = [_watch(rig, [f"{RICH}\n\n"] * 3, rate=100)[1] for _ in range(3)]
    return [
        Figure("three answers of 100 kB: the longest task of the page’s thread", "ms", [max(long)], LONG_TASK),
        Figure("an answer of 100 kB: layout shift (CLS)", "", shifts, SHIFT),
        Figure("an answer with a table, code, formulas and lists: layout shift (CLS)", "", rich, SHIFT),
    ]


def _watch(rig: Rig, texts: list[str], rate: int) -> tuple[list[float], float]:
    """The durations of long tasks (ms) and the layout's shift while an answer is written, in a chat."""
    pieces = [f"{word} " for text in texts for word in text.split(" ")]
    with rig.window(WATCH) as window:
        tab = window.tab
        tab.start(prompt("Begin", tokens=2))
        tab.expect_state("complete")
        with speaking(rig.stack, "drawing", text=pieces, per_write=4, rate=rate) as model:
            tab.page.reload()
            tab.page.locator("[data-models]").evaluate("(select, name) => (select.value = name)", model)
            tab.page.evaluate("() => { window.long = []; window.shift = 0; }")
            tab.send("Speak")
            expect(tab.answers).to_have_count(2)
            tab.expect_state("complete")
            expect(tab.answers.last.locator("[data-text]")).to_have_count(0, timeout=PATIENCE)
        return tab.page.evaluate("window.long"), tab.page.evaluate("window.shift")
