"""Answers on several pages, and a network that cuts their connections again and again (B26, B32, B34)."""

import re
from types import SimpleNamespace

import pytest

from runs.models import Run
from tests.browser.window import PATIENCE, Tab, expect
from tests.harness.check import check
from tests.harness.cutting import CuttingProxy
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

TOKENS = 150
CUTS_PER_PAGE = 3
HALF_A_REPLY = "ERR_CONTENT_LENGTH_MISMATCH|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_INVALID_HTTP_RESPONSE"


@pytest.fixture
def network(stack):
    proxy = CuttingProxy(stack.url, seed=20)
    yield proxy
    proxy.close()


TWENTY = [
    pytest.mark.long,
    pytest.mark.skip_engine("webkit", reason="twenty of its windows do not load in a test’s time"),
]


@pytest.mark.parametrize("count", [2, pytest.param(20, marks=TWENTY)])
def test_every_page_ends_with_exactly_the_stored_text(stack, alice, network, open_window, count):
    says = [prompt(f"Page {n}", tokens=TOKENS, rate=60, hold=[1]) for n in range(count)]
    runs = [alice.send(say) for say in says]
    window = open_window(SimpleNamespace(url=network.url), alice, expected=HALF_A_REPLY)
    pages = [window.page, *(window.context.new_page() for _ in says[1:])]
    for page, run in zip(pages, runs, strict=True):
        page.goto(f"/chats/{run.session_id}")
    for page in pages:
        Tab(page).expect_answer(spoken(1))
    network.arm()
    for say in says:
        stack.upstream.release(say.tag)
    wait_until(lambda: network.cuts["stream"] > CUTS_PER_PAGE * count, "the network has cut many streams")
    for page in pages:
        Tab(page).expect_answer(re.compile(r"^w1\b"))  # what was on the screen is there, wherever its stream has got to
    network.disarm()
    for page in pages:
        page.evaluate("dispatchEvent(new Event('online'))")
    for page in pages:
        Tab(page).expect_state("complete")
        expect(page.locator("article.answer [data-text]")).to_have_count(0)  # it is the server's HTML
    for page, run in zip(pages, runs, strict=True):
        Tab(page).expect_answer(check(run).message.content)
    assert Run.objects.get(pk=runs[0].pk).message.content == spoken(TOKENS)


@pytest.mark.long  # a web server goes in test_interruptions.py
def test_a_reply_that_is_cut_in_the_middle_is_asked_for_again(stack, alice, network, open_window):  # B34
    """Its text failed to arrive where only a failed request was expected: the page never got the server's HTML."""
    say = prompt(tokens=9, hold=[3])
    window = open_window(SimpleNamespace(url=network.url), alice, expected=HALF_A_REPLY)
    window.tab.start(say)
    window.tab.expect_answer(spoken(3))
    network.arm(other=None)
    stack.upstream.release(say.tag)
    window.tab.expect_answer(spoken(9))
    wait_until(lambda: network.cuts["other"] >= 2, "the reply is cut, and cut again")
    network.disarm()
    expect(window.page.locator("article.answer [data-text]")).to_have_count(0, timeout=PATIENCE)
