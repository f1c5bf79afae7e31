"""Regenerate, retry, continue, and what else is done to a chat, in the browser."""

import pytest

from chatapp.chats.models import Session
from runs.models import Run
from runs.states import Status
from tests.browser.window import PATIENCE, expect, last_run
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser


def stay(tab) -> None:
    tab.page.evaluate("window.isTheSamePage = true")


def has_stayed(tab) -> bool:
    return tab.page.evaluate("window.isTheSamePage === true")


@pytest.mark.long  # below, with the notice about another version
def test_regenerate_writes_another_answer_in_the_same_place(stack, alice, tab):
    text = prompt(tokens=6, hold=[3])
    tab.start(text)
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(6))
    stay(tab)
    tab.act("Regenerate").click()
    tab.expect_answer(spoken(3))  # a new one, as far as it has come
    expect(tab.answers).to_have_count(1)
    expect(tab.questions).to_have_count(1)
    tab.page.reload()
    tab.expect_answer(spoken(3))
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(6))
    tab.expect_state("complete")
    expect(tab.answers).to_have_count(1)
    first, second = Run.objects.visible_to(alice.user).order_by("queued_at")
    assert check(first).message.parent_id == check(second).message.parent_id


@pytest.mark.long  # a question is edited below, which does the same
def test_regenerating_an_earlier_answer_takes_what_followed_off_the_page(stack, alice, tab):
    tab.start(prompt(tokens=3))
    tab.expect_state("complete")
    tab.send(prompt("Second", tokens=4))
    tab.expect_answer(spoken(4))
    tab.expect_state("complete")
    stay(tab)
    tab.answers.first.get_by_role("button", name="Regenerate").click()
    expect(tab.answers).to_have_count(1)
    tab.expect_answer(spoken(3))
    tab.expect_state("complete")
    expect(tab.questions).to_have_count(1)
    assert has_stayed(tab)
    check(last_run(alice))


@pytest.mark.long  # an earlier answer is regenerated above, and tests/worker stops what runs
def test_regenerating_in_mid_run_stops_what_runs_first(stack, alice, tab):  # B17 B40
    tab.start(prompt(tokens=3))
    tab.expect_state("complete")
    text = prompt("Second", tokens=9, stall_after=4)
    tab.send(text)
    tab.expect_answer(spoken(4))
    stay(tab)
    tab.answers.first.get_by_role("button", name="Regenerate").click()
    expect(tab.answers).to_have_count(1)
    tab.expect_answer(spoken(3))
    tab.expect_state("complete")
    assert has_stayed(tab)
    first, second, third = Run.objects.visible_to(alice.user).order_by("queued_at")
    assert [check(run).status for run in (first, second, third)] == ["completed", "stopped", "completed"]
    stack.upstream.wait(text.tag, "closed")


def test_continue_lets_the_same_bubble_grow(stack, alice, tab):  # B39
    text = prompt(tokens=9, stall_after=4)
    tab.start(text)
    tab.expect_answer(spoken(4))
    tab.stop_button.click()
    tab.expect_state("stopped")
    bubble = tab.answers.last.get_attribute("id")
    stay(tab)
    tab.act("Continue").click()
    tab.expect_answer(spoken(4) + spoken(20))
    tab.expect_state("complete")
    assert tab.answers.last.get_attribute("id") == bubble
    expect(tab.answers).to_have_count(1)
    assert has_stayed(tab)
    first, second = Run.objects.visible_to(alice.user).order_by("queued_at")
    assert check(second).message_id == first.message_id
    tab.page.reload()
    tab.expect_answer(spoken(4) + spoken(20))


@pytest.mark.long  # tests/web/test_branches.py: the buttons of each answer
def test_only_the_last_answer_offers_to_continue(stack, alice, tab):
    text = prompt(tokens=9, stall_after=4)
    tab.start(text)
    tab.expect_answer(spoken(4))
    tab.stop_button.click()
    expect(tab.act("Continue")).to_be_visible()
    tab.send(prompt("Second", tokens=3))
    tab.expect_answer(spoken(3))
    tab.expect_state("complete")
    expect(tab.answers.first.get_by_role("button", name="Regenerate")).to_be_visible()
    expect(tab.page.get_by_role("button", name="Continue")).to_have_count(0)
    check(last_run(alice))


@pytest.mark.long  # tests/web/test_branches.py posts its form; test_continue below is drawn in the same way
def test_retry_after_a_failure(stack, alice, tab):  # B4 B48
    tab.start(prompt(tokens=5, status=401, times=1))
    tab.answers.last.get_by_text("Details").click()
    expect(tab.answers.last.get_by_text("upstream_unauthorized")).to_be_visible()
    tab.act("Retry").click()
    tab.expect_answer(spoken(5))
    tab.expect_state("complete")
    expect(tab.answers).to_have_count(1)
    expect(tab.act("Regenerate")).to_be_visible()
    assert check(last_run(alice)).status == Status.COMPLETED


@pytest.mark.long  # tests/web/test_branches.py reads it on the page
def test_while_the_model_is_busy_the_page_says_so(make_stack, open_window):  # B15
    stack = make_stack(UPSTREAM_RETRY_SECONDS="60")
    alice = stack.person("alice")
    tab = open_window(stack, alice).tab
    tab.start(prompt(status=503))
    expect(tab.answers.last.get_by_text("The model is busy, trying again…")).to_be_visible()
    tab.page.reload()
    expect(tab.answers.last.get_by_text("The model is busy, trying again…")).to_be_visible()
    tab.stop_button.click()
    tab.expect_state("stopped")
    expect(tab.answers.last.get_by_text("Stopped before the first word")).to_be_visible()
    check(last_run(alice))


@pytest.mark.long  # test_list.py shows a title that comes; a stack of its own
def test_the_title_comes_without_a_reload(make_stack, open_window):  # B14
    stack = make_stack(TITLES="1")
    alice = stack.person("alice")
    tab = open_window(stack, alice).tab
    tab.start(prompt("My first words", tokens=3))
    expect(tab.page.get_by_role("heading", level=1)).to_have_text(spoken(20).strip(), timeout=PATIENCE)
    expect(tab.page.get_by_role("link", name=spoken(20).strip())).to_be_visible()
    check(last_run(alice))


@pytest.mark.long  # test_list.py renames, test_plain.py deletes in mid-run
def test_a_chat_is_renamed_and_deleted(stack, alice, tab):  # B14 B40
    text = prompt(tokens=9, stall_after=4)
    tab.start(text)
    tab.expect_answer(spoken(4))
    menu = tab.page.get_by_role("button", name="Chat menu")
    menu.click()
    tab.page.get_by_label("Title").fill("A better name")
    tab.page.get_by_label("Title").press("Enter")
    expect(tab.page.get_by_role("heading", name="A better name")).to_be_visible()
    expect(tab.page.get_by_role("link", name="A better name")).to_be_visible()
    tab.expect_answer(spoken(4))
    menu.click()
    tab.page.get_by_role("link", name="Delete chat…").click()
    tab.page.get_by_role("link", name="Cancel").click()
    tab.expect_answer(spoken(4))
    menu.click()
    tab.page.get_by_role("link", name="Delete chat…").click()
    tab.page.get_by_role("button", name="Delete").click()
    expect(tab.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    stack.upstream.wait(text.tag, "closed")
    assert not Session.objects.visible_to(alice.user).exists()


def test_a_question_is_edited_in_its_place_and_by_keyboard(stack, alice, tab):
    tab.start(prompt("Herons", tokens=3))
    tab.expect_state("complete")
    question, keys = tab.questions.first, tab.page.keyboard
    question.hover()
    question.locator("summary", has_text="Edit").click()
    field = question.get_by_label("Your message")
    expect(field).to_be_focused()
    expect(question.locator(".question__text")).to_be_hidden()
    assert field.bounding_box()["width"] > 0.9 * tab.answers.first.bounding_box()["width"]
    keys.press("Escape")
    expect(question.locator(".question__text")).to_be_visible()
    expect(tab.answers).to_have_count(1)
    keys.press("Enter")  # on Edit, which has the focus again
    field.fill(prompt("Storks", tokens=4))
    keys.press("Control+Enter")
    tab.expect_answer(spoken(4))
    expect(tab.questions.first).to_contain_text("Storks")
    expect(tab.questions.first.locator(".question__text")).to_be_visible()
    check(last_run(alice))


@pytest.mark.long  # tests/web/test_versions.py tells of a branch that is not shown
def test_the_notice_about_another_version_ends_when_that_ends(stack, alice, tab):
    """Where it was left: the transcript gave up the stream of which the notice was to hear the end."""
    text = prompt(tokens=6, hold=[3])
    tab.start(text)
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(6))
    tab.expect_state("complete")
    tab.act("Regenerate").click()
    tab.expect_answer(spoken(3))
    notice = tab.page.get_by_text("Another version is being written.")
    for _ in range(2):  # leave it, and come back to it
        tab.answers.last.get_by_role("button", name="Previous version").click()
        expect(notice).to_be_visible()
        tab.page.get_by_role("button", name="Show it").click()
        expect(notice).to_be_hidden()
    tab.answers.last.get_by_role("button", name="Previous version").click()
    expect(notice).to_be_visible()
    stay(tab)
    stack.upstream.release(text.tag)
    expect(notice).to_be_hidden(timeout=PATIENCE)
    assert has_stayed(tab)
    tab.answers.last.get_by_role("button", name="Next version").click()
    tab.expect_answer(spoken(6))
    check(last_run(alice))
