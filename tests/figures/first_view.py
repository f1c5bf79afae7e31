"""What the first view of a long chat costs on the wire, with nothing in the browser's cache."""

import re

from tests.browser.scenes import House, long_session
from tests.figures.drawing import PARAGRAPH
from tests.figures.figure import Figure
from tests.figures.rig import Rig

KILOBYTES, REQUESTS = 100, 12
MESSAGES = 200


def measure(rig: Rig) -> list[Figure]:
    path = long_session(House(rig.alice), MESSAGES, PARAGRAPH * 6)
    with rig.window() as window:
        page, heard = window.page, []
        window.context.new_cdp_session(page).send("Network.clearBrowserCache")
        page.route_web_socket(re.compile("/ws/"), lambda socket: None)  # it counts no request of its messages
        page.on("requestfinished", lambda request: heard.append(request.sizes()))
        page.goto(path)
        window.tab.field.fill("Ready")  # what writing needs is part of the view
        page.wait_for_load_state("networkidle")
    total = sum(sizes["responseBodySize"] + sizes["responseHeadersSize"] for sizes in heard)
    return [
        Figure("first view of 200 messages, with 80 models", "kB", [total / 1000], KILOBYTES),
        Figure("first view of 200 messages, with 80 models: requests", "", [len(heard)], REQUESTS),
    ]
