"""The same pages with JavaScript switched off (B56)."""

import pytest

from runs.states import Status
from tests.browser.window import expect, last_run
from tests.harness.check import check, wait_for_end
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser


@pytest.fixture
def alice(stack):
    return stack.person("alice")


@pytest.fixture
def tab(stack, alice, open_window):
    return open_window(stack, alice, java_script_enabled=False).tab


def send(tab, text) -> None:
    tab.field.fill(text)
    tab.send_button.click()
    tab.wait_for_session()


def click_until_written(tab, link, text: str) -> None:
    """What the upstream has sent is in the log a moment later."""

    def is_written() -> bool:
        link.click()
        return tab.answer.inner_text().split() == text.split()

    wait_until(is_written, f"{text} is on the page")


def test_a_form_sends_and_the_page_shows_the_text_so_far(stack, alice, tab):
    text = prompt(tokens=9, hold=[4])
    tab.page.goto("/")
    send(tab, text)
    stack.upstream.wait(text.tag, "tokens:4")
    see_more = tab.page.get_by_role("link", name="Show what has been written since")
    click_until_written(tab, see_more, spoken(4))
    expect(tab.stop_button).to_be_visible()
    expect(tab.send_button).to_be_hidden()
    stack.upstream.release(text.tag)
    run = check(last_run(alice))
    see_more.click()
    tab.expect_answer(run.message.content)
    tab.expect_state("complete")
    expect(tab.send_button).to_be_visible()
    send(tab, prompt(tokens=2))
    expect(tab.questions).to_have_count(2)
    check(last_run(alice))


def test_the_stop_button_stops_and_keeps_what_was_typed(stack, alice, tab):  # B35
    text = prompt(tokens=9, stall_after=4)
    tab.page.goto("/")
    send(tab, text)
    stack.upstream.wait(text.tag, "stalled")
    tab.field.fill("Half a thought")
    tab.stop_button.click()
    run = wait_for_end(last_run(alice))
    assert (run.status, run.message.content) == (Status.STOPPED, spoken(4))
    expect(tab.field).to_have_value("Half a thought")
    tab.page.reload()
    expect(tab.answers.last.get_by_text("Stopped", exact=True)).to_be_visible()
    tab.expect_answer(spoken(4))
    check(run)


def test_the_list_of_chats_opens_on_a_phone(stack, alice, open_window):
    tab = open_window(stack, alice, java_script_enabled=False, viewport={"width": 320, "height": 640}).tab
    alice.send(prompt("A chat to come back to", tokens=2))
    tab.page.goto("/")
    link = tab.page.get_by_role("link", name="A chat to come back to")
    expect(link).to_be_hidden()
    tab.page.get_by_role("button", name="Chats").click()
    link.click()
    tab.expect_answer(spoken(2))
    assert tab.page.locator("html").bounding_box()["width"] == 320
