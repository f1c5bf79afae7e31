"""The tasks of a page's thread, from a trace of Chromium: their cost in CPU time, whatever else the machine does."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]


@contextmanager
def traced_tasks(page) -> Iterator[list[float]]:
    """While this lasts the page's tasks are traced. Then the list has their CPU times in ms, the longest first."""
    browser, costs = page.context.browser, []
    browser.start_tracing(page=page, categories=CATEGORIES)
    try:
        yield costs
    finally:
        costs += sorted(_costs(json.loads(browser.stop_tracing())["traceEvents"]), reverse=True)


def _costs(events: list[dict]) -> list[float]:
    main = {(e["pid"], e["tid"]) for e in events if e.get("args", {}).get("name") == "CrRendererMain"}
    by_thread = defaultdict(list)
    for event in events:
        thread = event["pid"], event["tid"]
        if event.get("ph") == "X" and event["name"] == "RunTask" and thread in main:
            by_thread[thread].append(event.get("tdur", 0) / 1_000)
    return max(by_thread.values(), key=sum, default=[])
