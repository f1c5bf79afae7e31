"""From Enter to the first word of the answer, in two parts: the page's own share, and the server's admission.

Admission begins when the browser has the request on the wire, and ends when the worker logs the first token. All the
rest is the page's: from the key to the request, and from the log to the word on the page.
"""

from dataclasses import dataclass

from runs.models import Run
from tests.browser.window import Tab
from tests.figures.figure import Figure
from tests.figures.rig import Rig
from tests.figures.stopwatch import SCRIPT, read, wind
from tests.harness.check import check
from tests.harness.upstream import prompt

IN_A_CHAT, IN_A_NEW_ONE = 30, 60  # ms
SETTLED = 400  # ms in which the draft is saved and the grammar has come
REQUESTED = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const isPost = ({ name }) => /\\/chats($|\\/.*\\/messages$)/.test(name);
  const last = performance.getEntriesByType("resource").filter(isPost).at(-1);
  return performance.timeOrigin + (last?.requestStart || page.redirectStart || page.requestStart);
}"""


@dataclass
class Times:
    """Of one message, in ms since the epoch."""

    pressed: float
    requested: float
    logged: float
    seen: float

    @property
    def before(self) -> float:
        return self.requested - self.pressed

    @property
    def admission(self) -> float:
        return self.logged - self.requested

    @property
    def after(self) -> float:
        return self.seen - self.logged


def measure(rig: Rig) -> list[Figure]:
    return [
        *_figures("in a chat", _in_a_chat(rig), IN_A_CHAT),
        *_figures("in a new chat", _in_new_chats(rig), IN_A_NEW_ONE),
    ]


def _figures(where: str, times: list[Times], limit: float) -> list[Figure]:
    def figure(part: str, values: list[float], limit: float | None = None) -> Figure:
        return Figure(f"Enter → first word {where}: {part}", "ms", values, limit)

    return [
        figure("the page’s share", [each.before + each.after for each in times], limit),
        figure("of it, until the request", [each.before for each in times]),
        figure("of it, after the log", [each.after for each in times]),
        figure("admission on the server", [each.admission for each in times]),
        figure("in all", [each.seen - each.pressed for each in times]),
    ]


def _in_a_chat(rig: Rig) -> list[Times]:
    with rig.window(SCRIPT) as window:
        window.tab.start(prompt("Begin", tokens=2))
        window.tab.expect_state("complete")
        _send(rig, window.tab)  # warms up
        return [_send(rig, window.tab) for _ in range(rig.rounds)]


def _in_new_chats(rig: Rig) -> list[Times]:
    with rig.window(SCRIPT) as window:
        times = []
        for _ in range(rig.rounds + 1):
            window.page.goto("/")
            times.append(_send(rig, window.tab))
        return times[1:]


def _send(rig: Rig, tab: Tab) -> Times:
    """Send a message as people do, by typing it."""
    answers = tab.answers.count()
    before = Run.objects.visible_to(rig.alice.user).count()
    word = f"word-{before}"
    tab.field.fill(prompt("Speak", text=[f"{word} ", "and ", "more."]))
    tab.page.keyboard.type(" ")
    tab.page.wait_for_timeout(SETTLED)
    wind(tab.page, "keydown", "[data-answer] .prose", word)
    tab.field.press("Enter")
    pressed, seen = read(tab.page)
    requested = tab.page.evaluate(REQUESTED)
    tab.expect_state("complete")
    assert tab.answers.count() == answers + 1
    run = check(Run.objects.visible_to(rig.alice.user).latest("queued_at"))
    return Times(pressed, requested, 1000 * run.first_token_at.timestamp(), seen)
