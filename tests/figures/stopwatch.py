"""Times within pages: from an event of the user's to the moment when something is there to see.

All times are ms since the epoch, so that they can be compared with those of another page and of the server.
"""

from contextlib import suppress

from playwright.sync_api import Error, Page

from tests.harness.facts import wait_until

SCRIPT = """
{
  const now = () => performance.timeOrigin + performance.now();
  const channel = new MessageChannel(); // its message arrives when the frame is drawn, or at once outside of a frame
  let isDue = false;
  channel.port1.onmessage = () => sessionStorage.setItem("figures: seen", now());
  const look = () => {
    const wanted = sessionStorage.getItem("figures: wanted");
    if (!wanted || isDue || sessionStorage.getItem("figures: seen")) return;
    const [selector, text] = JSON.parse(wanted);
    const there = [...document.querySelectorAll(selector)].some((each) => each.textContent.includes(text));
    if (!there) return;
    isDue = true;
    channel.port2.postMessage(0);
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
  addEventListener("pageshow", look);
  window.stopwatch = (event, selector, text) => {
    isDue = false;
    sessionStorage.removeItem("figures: seen");
    sessionStorage.removeItem("figures: began");
    sessionStorage.setItem("figures: wanted", JSON.stringify([selector, text]));
    const begin = () => sessionStorage.setItem("figures: began", now());
    if (event) addEventListener(event, begin, { capture: true, once: true });
    else begin();
  };
}
"""
TIMES = """() => {
  const [began, seen] = ["began", "seen"].map((name) => Number(sessionStorage.getItem(`figures: ${name}`)));
  return seen ? [began, seen] : null;
}"""


def wind(page: Page, event: str | None, selector: str, text: str = "") -> None:
    """Begin at the next `event` (None: now), and end when an element of this selector contains the text."""
    page.evaluate("(it) => stopwatch(...it)", [event, selector, text])


def read(page: Page) -> tuple[float, float]:
    """When it began and when it ended."""
    found: list[list[float]] = []

    def has_ended() -> bool:
        with suppress(Error):  # the page is being replaced
            if times := page.evaluate(TIMES):
                found.append(times)
        return bool(found)

    wait_until(has_ended, "what the stopwatch waits for is on the page", 30)
    return found[0][0], found[0][1]
