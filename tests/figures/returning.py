"""From the click to the text, on the way back to a chat that was seen before."""

from playwright.sync_api import Page

from tests.browser.scenes import House, long_session
from tests.figures.drawing import PARAGRAPH
from tests.figures.figure import Figure
from tests.figures.rig import Rig
from tests.figures.stopwatch import SCRIPT, read, wind

RETURN = 50  # ms
SETTLED = 300  # ms in which a page has nothing left to do


def measure(rig: Rig) -> list[Figure]:
    house = House(rig.alice)
    paths = [long_session(house, 40, PARAGRAPH * 6), house.rich]
    by_back, by_list = [], []
    with rig.window(SCRIPT) as window:
        page = window.page
        page.goto("/")
        for path in paths:
            _visit(page, path, _in_list(path))
        for path in paths * rig.rounds:
            by_list.append(_visit(page, path, _in_list(path)))
        for _ in range(rig.rounds):
            by_back.append(_visit(page, paths[0], None))
            page.evaluate("history.forward()")
            page.wait_for_url(paths[1])
    return [
        Figure("a chat seen before, from the list", "ms", by_list, RETURN),
        Figure("a chat seen before, by Back", "ms", by_back, RETURN),
    ]


def _in_list(path: str) -> str:
    return f'[data-list] a[href="{path}"]'


def _visit(page: Page, path: str, link: str | None) -> float:
    """ms from the click on a link (None: from Back) until the transcript of the chat at this path is there."""
    page.wait_for_timeout(SETTLED)
    wind(page, "click" if link else None, f'[data-transcript][data-messages-url="{path}/messages"] article')
    if link:
        page.locator(link).click()
    else:
        page.evaluate("history.back()")
    began, seen = read(page)
    return seen - began
