"""The same pages with JavaScript switched off (B56)."""

import pytest

from runs.models import Run
from runs.states import Status
from tests.browser.scenes import House, long_session
from tests.browser.window import expect, last_run
from tests.harness.check import check, wait_for_end
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken
from tests.worker.test_rendering import settled

pytestmark = pytest.mark.browser


@pytest.fixture
def window_options():
    return {"java_script_enabled": False}


def send(tab, text) -> None:
    tab.field.fill(text)
    tab.send_button.click()
    tab.wait_for_session()


def press(tab, button) -> None:
    """Send the form of a button and wait for the page that answers: a reload before it would be refused."""
    with tab.page.expect_navigation():
        button.click()


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
    see_more = tab.page.get_by_role("link", name="Show new text")
    click_until_written(tab, see_more, spoken(4))
    expect(tab.stop_button).to_be_visible()
    expect(tab.send_next_button).to_be_visible()
    expect(tab.send_button).to_be_hidden()
    stack.upstream.release(text.tag)
    run = check(last_run(alice))
    settled(run)  # without a script the page does not ask for the HTML
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
    press(tab, tab.stop_button)
    run = wait_for_end(last_run(alice))
    assert (run.status, run.message.content) == (Status.STOPPED, spoken(4))
    expect(tab.field).to_have_value("Half a thought")
    tab.page.reload()
    expect(tab.answers.last.get_by_text("Stopped", exact=True)).to_be_visible()
    tab.expect_answer(spoken(4))
    check(run)


@pytest.mark.long  # tests/web/test_queue.py posts these forms, as a browser without scripts does
def test_the_queue_is_shown_changed_held_and_sent(stack, alice, tab):  # B18 B19
    text = prompt(tokens=9, stall_after=4)
    tab.page.goto("/")
    send(tab, text)
    stack.upstream.wait(text.tag, "stalled")
    for words in ("To be removed", "To be edited"):
        tab.field.fill(words)
        tab.send_next_button.click()
    expect(tab.cards).to_have_count(2)
    tab.card("To be removed").get_by_role("button", name="Remove").click()
    expect(tab.cards).to_have_count(1)
    card = tab.card("To be edited")
    card.get_by_text("Edit", exact=True).click()
    edited = prompt("Edited", tokens=3)
    card.get_by_label("Queued message").fill(edited)
    card.get_by_role("button", name="Save").click()
    expect(tab.card("Edited")).to_be_visible()
    press(tab, tab.stop_button)
    check(last_run_of(alice, Status.STOPPED))
    tab.page.reload()
    expect(tab.page.get_by_text("Queue paused")).to_be_visible()
    press(tab, tab.page.get_by_role("button", name="Send all"))
    assert check(last_run(alice)).message.content == spoken(3)
    tab.page.reload()
    expect(tab.cards).to_have_count(0)
    expect(tab.questions).to_have_count(2)
    tab.expect_answer(spoken(3))


def last_run_of(person, status) -> Run:
    """The newest run that has come to this state."""
    runs = Run.objects.visible_to(person.user)
    return wait_until(lambda: runs.filter(status=status).last(), f"a run is {status}")


@pytest.mark.long  # tests/web/test_branches.py and test_managing.py post these forms
def test_continue_regenerate_rename_and_delete(stack, alice, tab):  # B39 B40
    text = prompt(tokens=9, stall_after=4)
    tab.page.goto("/")
    send(tab, text)
    stack.upstream.wait(text.tag, "stalled")
    press(tab, tab.stop_button)
    stopped = check(last_run(alice))
    tab.page.reload()
    press(tab, tab.act("Continue"))
    check(last_run(alice))
    tab.page.reload()
    tab.expect_answer(stopped.message.content + spoken(20))
    tab.act("Regenerate").click()
    press(tab, tab.stop_button)
    again = check(last_run(alice))
    assert again.message_id != stopped.message_id
    tab.page.reload()
    expect(tab.answers).to_have_count(1)
    tab.page.get_by_role("button", name="Chat menu").click()
    tab.page.get_by_label("Title").fill("A better name")
    tab.page.get_by_role("button", name="Rename").click()
    expect(tab.page.get_by_role("heading", name="A better name")).to_be_visible()
    tab.page.get_by_role("button", name="Chat menu").click()
    tab.page.get_by_role("link", name="Delete chat…").click()
    tab.page.get_by_role("button", name="Delete").click()
    expect(tab.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    assert not Run.objects.visible_to(alice.user).exists()


def test_questions_are_edited_versions_chosen_files_sent_and_chats_set_up(stack, alice, tab):  # B40
    tab.page.goto("/")
    tab.page.get_by_role("button", name="Model settings").click()
    tab.page.get_by_label("Maximum length, in tokens").fill("50")
    tab.page.keyboard.press("Escape")
    file = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"Some notes"}
    tab.page.get_by_label("Attach files").set_input_files([file])
    send(tab, prompt("First", tokens=2))
    session = check(last_run(alice)).session
    assert session.max_tokens == 50
    tab.page.reload()
    tab.questions.last.locator("summary", has_text="notes.txt").click()
    expect(tab.questions.last.get_by_text("Some notes", exact=True)).to_be_visible()
    tab.questions.last.locator("summary", has_text="Edit").click()
    tab.questions.last.get_by_label("Your message").fill(prompt("Second", tokens=3))
    press(tab, tab.questions.last.get_by_role("button", name="Save and send"))
    check(last_run(alice))
    tab.page.reload()
    tab.expect_answer(spoken(3))
    tab.questions.last.get_by_role("button", name="Previous version").click()
    tab.expect_answer(spoken(2))
    tab.page.get_by_role("button", name="Model settings, changed").click()
    tab.page.get_by_label("System prompt").fill("Be brief.")
    tab.page.get_by_role("button", name="Save for this chat").click()
    session.refresh_from_db()
    assert session.system_prompt == "Be brief."


@pytest.mark.long  # tests/web/test_long.py follows the link
def test_what_came_before_is_a_link_away(stack, alice, tab):
    tab.page.goto(long_session(House(alice), 60, "A line."))
    expect(tab.questions).to_have_count(20)
    tab.page.get_by_role("link", name="Show earlier messages").click()
    expect(tab.questions).to_have_count(30)
    expect(tab.page.get_by_role("link", name="Show earlier messages")).to_have_count(0)


@pytest.mark.long  # test_accessibility.py looks at phones
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
