"""The browser's own EventSource, with the stream of a run."""

import json
from contextlib import closing
from types import SimpleNamespace

import pytest

from tests.harness.check import check, logged
from tests.harness.cutting import CuttingProxy
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt

pytestmark = [pytest.mark.browser, pytest.mark.long]  # tests/clients cuts the network of two other implementations

WORDS = [f"{n} {'x' * 150} " for n in range(30)]  # some 8,000 bytes, as events
EXPECTED = "Failed to load resource|ERR_INCOMPLETE_CHUNKED_ENCODING"
OPEN = """(address) => {
    const heard = (window.heard = {events: [], isClosed: false});
    const source = new EventSource(address);
    source.onmessage = (event) => heard.events.push([event.lastEventId, event.data]);
    source.onerror = () => (heard.isClosed = source.readyState === EventSource.CLOSED);
}"""


def test_every_event_is_heard_once_on_a_network_that_cuts_and_then_it_is_over(stack, alice, open_window):  # B27, B34
    asked = prompt(text=WORDS, hold=[len(WORDS) // 2], rate=50)
    run = alice.send(asked)
    alice.follow(run).wait_for_text(WORDS[len(WORDS) // 2 - 1])
    with closing(CuttingProxy(stack.url, seed=3)) as network:
        page = open_window(SimpleNamespace(url=network.url), alice, expected=EXPECTED).page
        page.goto("/api-tokens-are-not-needed-here")  # any page of this site: this one has no scripts
        network.arm(other=(1_500, 3_000))
        page.evaluate(OPEN, f"/runs/{run.pk}/events")
        wait_until(lambda: network.cuts["other"], "the history is cut")
        stack.upstream.release(asked.tag)
        wait_until(lambda: page.evaluate("heard.isClosed"), "the browser has given up")
        heard = page.evaluate("heard.events")
    events = logged(check(run))
    assert [int(seq) for seq, _ in heard] == [event.seq for event in events]
    assert [json.loads(data)["kind"] for _, data in heard] == [event.kind for event in events]
    assert network.cuts["other"] >= 2, "the network has cut nothing"
