"""After an answer's end its HTML comes onto the page by itself, and until then what was drawn stays."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.browser.window import last_run
from tests.harness.check import check
from tests.harness.upstream import prompt
from tests.worker.test_rendering import renderers, settled

pytestmark = pytest.mark.browser

RICH = ["*Some* ", "text\n\n", "```python\n", "x = 1\n", "```\n\n", "The end."]


@contextmanager
def suspended(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_what_was_drawn_stays_until_the_html_is_there(stack, alice, tab):
    tab.start(prompt(text=["one"]))
    tab.expect_state("complete")
    settled(last_run(alice))
    with suspended(renderers(stack.worker)):
        say = prompt(text=RICH, hold=[1])
        tab.send(say)
        expect(tab.answers.last.locator(".prose em")).to_have_text("Some")  # the page follows it
        stack.upstream.release(say.tag)
        expect(tab.answers.last).to_have_attribute("data-state", "complete")
        expect(tab.answers.last).to_have_attribute("data-html-due", "")
        expect(tab.answers.last.locator(".prose em")).to_have_text("Some")
        expect(tab.answers.last.locator(".prose pre")).to_contain_text("x = 1")
        expect(tab.answers.last.get_by_role("button", name="Regenerate")).to_be_visible()
        tab.page.evaluate("window.isTheSamePage = true")
    expect(tab.answers.last.locator(".prose .hl-n")).to_have_text("x")
    expect(tab.page.locator("[data-html-due], [data-drawn], [data-text]")).to_have_count(0)
    assert tab.page.evaluate("window.isTheSamePage")
    check(last_run(alice))


@pytest.mark.long  # the one above gets it as well
def test_a_page_that_comes_before_the_html_gets_it_without_a_reload(stack, alice, tab):
    tab.start(prompt(text=["one"]))
    tab.expect_state("complete")
    settled(last_run(alice))
    with suspended(renderers(stack.worker)):
        run = check(alice.send(prompt(text=RICH)))
        tab.page.goto(f"/chats/{run.session_id}")
        expect(tab.answers.last.locator(".prose")).to_contain_text("*Some* text")
    expect(tab.answers.last.locator(".prose em")).to_have_text("Some")
