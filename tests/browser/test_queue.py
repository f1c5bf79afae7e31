"""Messages that wait behind an answer, in the browser: the page follows them without a reload (B18, B19)."""

import pytest

from runs.models import Run
from runs.states import Status
from tests.browser.window import PATIENCE, expect, last_run
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser


@pytest.fixture
def window_options():
    return {"expected": "409|422"}


@pytest.fixture
def running(stack, tab):
    """An answer that is being written and waits for a release after three words; its prompt."""
    text = prompt(tokens=6, hold=[3])
    tab.start(text)
    tab.expect_answer(spoken(3))
    tab.page.evaluate("window.isTheSamePage = true")
    return text


def runs_of(person) -> list[Run]:
    return list(Run.objects.visible_to(person.user).order_by("queued_at"))


def test_what_is_sent_in_mid_run_waits_as_a_card_and_starts_by_itself(stack, alice, tab, running):  # B19
    second, third = prompt("Second", tokens=5, hold=[2]), prompt("Third", tokens=4)
    tab.send(second)
    expect(tab.card("Second")).to_be_visible()
    expect(tab.status).to_have_text("Message queued")
    expect(tab.field).to_have_value("")
    expect(tab.stop_button).to_be_visible()
    tab.field.fill(third)
    tab.send_next_button.click()
    expect(tab.cards).to_have_count(2)
    expect(tab.questions).to_have_count(1)
    tab.expect_answer(spoken(3))
    stack.upstream.release(running.tag)
    tab.expect_answer(spoken(2))  # the second's, as far as it has come
    expect(tab.cards).to_have_count(1)
    expect(tab.questions).to_have_count(2)
    expect(tab.answers.first.locator(".prose")).to_have_text(spoken(6))
    expect(tab.stop_button).to_be_visible()
    stack.upstream.release(second.tag)
    tab.expect_answer(spoken(4))
    tab.expect_state("complete")
    expect(tab.cards).to_have_count(0)
    expect(tab.answers).to_have_count(3)
    expect(tab.send_button).to_be_visible()
    assert tab.page.evaluate("window.isTheSamePage")
    assert [check(run).message.content for run in runs_of(alice)] == [spoken(6), spoken(5), spoken(4)]


@pytest.mark.long  # a card is shown above; tests/worker/test_queues.py
def test_a_second_device_sees_what_waits_and_that_it_is_held(stack, alice, tab, running, open_window):  # B28
    other = open_window(stack, alice).tab
    other.page.goto(tab.page.url)
    other.expect_answer(spoken(3))
    tab.send(prompt("Second", tokens=4))
    expect(other.card("Second")).to_be_visible()
    tab.send("Third")
    expect(other.card("Third")).to_be_visible()
    tab.card("Third").get_by_role("button", name="Remove").click()
    expect(other.cards).to_have_count(1)
    tab.stop_button.click()
    expect(other.page.get_by_text("Queue paused")).to_be_visible()
    tab.page.get_by_role("button", name="Send all").click()
    other.expect_answer(spoken(4))
    expect(other.page.get_by_text("Queue paused")).to_have_count(0)
    expect(other.cards).to_have_count(0)
    check(last_run(alice))


@pytest.mark.long  # a second device does, above
def test_a_second_tab_follows_the_queue_too(stack, alice, tab, running, open_window):  # B19 B28
    tab.send(prompt("Second", tokens=4))
    expect(tab.card("Second")).to_be_visible()
    other = open_window(stack, alice).tab
    other.page.goto(tab.page.url)
    expect(other.card("Second")).to_be_visible()
    stack.upstream.release(running.tag)
    for each in (tab, other):
        each.expect_answer(spoken(4))
        each.expect_state("complete")
        expect(each.cards).to_have_count(0)
        expect(each.answers).to_have_count(2)
    check(last_run(alice))


@pytest.mark.long  # the first page of a second device shows them; test_plain.py reloads
def test_a_reload_in_mid_run_shows_stop_and_the_cards(stack, alice, tab, running):  # B33
    tab.send(prompt("Second", tokens=4))
    expect(tab.card("Second")).to_be_visible()
    tab.page.reload()
    expect(tab.card("Second")).to_be_visible()
    expect(tab.stop_button).to_be_visible()
    expect(tab.send_button).to_be_hidden()
    stack.upstream.release(running.tag)
    tab.expect_answer(spoken(4))
    tab.expect_state("complete")
    check(last_run(alice))


@pytest.mark.long  # it is with a second device, above
def test_after_a_stop_the_queue_is_held_and_can_be_sent(stack, alice, tab, running):  # B19
    tab.send(prompt("Second", tokens=4))
    expect(tab.card("Second")).to_be_visible()
    tab.stop_button.click()
    expect(tab.page.get_by_text("Queue paused")).to_be_visible()
    tab.expect_state("stopped")
    expect(tab.card("Second")).to_be_visible()
    tab.page.get_by_role("button", name="Send all").click()
    tab.expect_answer(spoken(4))
    expect(tab.cards).to_have_count(0)
    expect(tab.page.get_by_text("Queue paused")).to_have_count(0)
    assert tab.page.evaluate("window.isTheSamePage")
    assert [check(run).status for run in runs_of(alice)] == [Status.STOPPED, Status.COMPLETED]


@pytest.mark.long  # it is at the end of a card that is being edited
def test_a_held_queue_can_be_discarded(stack, alice, tab, running):  # B19
    for words in ("Second", "Third"):
        tab.send(words)
        expect(tab.card(words)).to_be_visible()
    tab.stop_button.click()
    tab.page.get_by_role("button", name="Discard all").click()
    expect(tab.cards).to_have_count(0)
    expect(tab.questions).to_have_count(1)
    [run] = runs_of(alice)
    check(run)


def test_cards_are_edited_removed_and_sent_now(stack, alice, tab, running):  # B17 B18
    for words in ("Second", "Third", "Fourth"):
        tab.send(words)
        expect(tab.card(words)).to_be_visible()
    tab.card("Second").get_by_role("button", name="Remove").click()
    expect(tab.cards).to_have_count(2)
    tab.card("Third").get_by_text("Edit", exact=True).click()
    edit = tab.card("Third").get_by_label("Queued message")
    edit.fill(" ")
    tab.card("Third").get_by_role("button", name="Save").click()
    expect(tab.page.get_by_role("alert")).to_have_text("The message is empty.")
    edit.fill(prompt("Edited", tokens=4, hold=[2]))
    tab.card("Third").get_by_role("button", name="Save").click()
    expect(tab.card("Edited").locator(".waiting__text")).to_be_visible()
    expect(tab.page.get_by_role("alert")).to_be_hidden()
    expect(edit).to_be_hidden()
    tab.card("Edited").get_by_role("button", name="Send now").click()
    tab.expect_answer(spoken(2))
    expect(tab.answers.first.get_by_text("Stopped", exact=True)).to_be_visible()
    expect(tab.card("Fourth")).to_be_visible()
    tab.card("Fourth").get_by_role("button", name="Remove").click()
    expect(tab.cards).to_have_count(0)
    tab.stop_button.click()
    tab.expect_state("stopped")
    for run in runs_of(alice):
        check(run)


@pytest.mark.long  # cards are edited above
def test_a_card_that_is_being_edited_stays_open_when_another_one_comes(stack, alice, tab, running):
    tab.send("Second")
    tab.card("Second").get_by_text("Edit", exact=True).click()
    edit = tab.card("Second").get_by_label("Queued message")
    edit.fill("Half an edit")
    tab.send("Third")
    expect(tab.card("Third")).to_be_visible()
    expect(edit).to_be_visible()
    expect(edit).to_have_value("Half an edit")
    tab.stop_button.click()
    tab.page.get_by_role("button", name="Discard all").click()
    expect(tab.cards).to_have_count(0)
    [run] = runs_of(alice)
    check(run)


@pytest.mark.long  # tests/web/test_queue.py refuses it
def test_an_edit_that_is_refused_is_there_although_its_card_came_anew(alice, tab, running):
    """Remove is also an event of a stream that the page follows: the queue was fetched while Save was on its way."""
    for words in ("Second", "Third"):
        tab.send(words)
        expect(tab.card(words)).to_be_visible()
    held = []
    tab.page.route("**/edit", lambda route: held.append(route))
    tab.card("Third").get_by_text("Edit", exact=True).click()
    edit = tab.card("Third").get_by_label("Queued message")
    edit.fill(" ")
    with tab.page.expect_request("**/edit"):
        tab.card("Third").get_by_role("button", name="Save").click()
    tab.page.get_by_role("listitem").filter(has_text="Second").get_by_role("button", name="Remove").click()
    expect(tab.cards).to_have_count(1)
    held.pop().continue_()
    expect(tab.page.get_by_role("alert")).to_have_text("The message is empty.")
    expect(edit).to_be_visible()
    expect(edit).to_have_value(" ")
    expect(edit).to_be_focused()
    tab.stop_button.click()
    tab.page.get_by_role("button", name="Discard all").click()
    expect(tab.cards).to_have_count(0)
    check(runs_of(alice)[0])


@pytest.mark.long  # cards are edited above
def test_an_edit_of_a_message_that_is_sent_meanwhile_goes_to_the_message_field(stack, alice, tab, running):  # B83
    second = prompt("Second", tokens=4)
    tab.send(second)
    tab.card("Second").get_by_text("Edit", exact=True).click()
    tab.card("Second").get_by_label("Queued message").fill("Half an edit")
    tab.field.fill("Half a message")
    stack.upstream.release(running.tag)
    tab.expect_answer(spoken(4))
    expect(tab.cards).to_have_count(0)
    expect(tab.field).to_have_value("Half a message\n\nHalf an edit")
    expect(tab.page.get_by_role("alert")).to_contain_text("Your edit is in the message field.")
    check(last_run(alice))


@pytest.mark.long  # what was not saved before its message was sent is there, above
def test_an_edit_that_is_saved_too_late_goes_to_the_message_field(stack, alice, tab, running):  # B83
    tab.send(prompt("Second", tokens=4))
    held = []
    tab.page.route("**/edit", lambda route: held.append(route))
    tab.card("Second").get_by_text("Edit", exact=True).click()
    tab.card("Second").get_by_label("Queued message").fill("Half an edit")
    with tab.page.expect_request("**/edit"):
        tab.card("Second").get_by_role("button", name="Save").click()
    stack.upstream.release(running.tag)
    tab.expect_answer(spoken(4))
    expect(tab.cards).to_have_count(0)
    held.pop().continue_()
    expect(tab.page.get_by_role("alert")).to_have_text("This message is no longer in the queue.")
    expect(tab.field).to_have_value("Half an edit")
    check(last_run(alice))


@pytest.mark.long  # test_interruptions.py takes the web server away
def test_the_queue_goes_on_although_the_web_server_was_away(stack, alice, web, open_window):  # B19 B32
    tab, text = open_window(web, alice).tab, prompt(tokens=6, hold=[3])
    tab.start(text)
    tab.expect_answer(spoken(3))
    tab.send(prompt("Second", tokens=4))
    expect(tab.card("Second")).to_be_visible()
    web.kill()
    expect(tab.page.locator("[data-connection]")).to_be_visible()
    stack.upstream.release(text.tag)
    check(last_run(alice))
    web.start()
    tab.expect_answer(spoken(4))
    tab.expect_state("complete")
    expect(tab.cards).to_have_count(0)
    expect(tab.answers).to_have_count(2)


@pytest.mark.long  # tests/runs/test_places.py counts; a stack of its own
def test_how_many_are_ahead_is_told_while_one_waits(make_stack, open_window):
    """A worker that carries one run at a time; of the two that wait for it, the page's is the last."""
    stack = make_stack(WORKER_CONCURRENCY="1")
    bob, alice = stack.person("bob"), stack.person("alice")
    texts = [prompt(tokens=3, hold=[1]) for _ in range(2)]
    runs = [bob.send(text) for text in texts]
    stack.upstream.wait(texts[0].tag, "tokens:1")
    tab = open_window(stack, alice).tab
    tab.start(prompt(tokens=3))
    expect(tab.answers.last).to_contain_text("Waiting to start… 1 answer ahead of yours")
    stack.upstream.release(texts[0].tag)
    expect(tab.answers.last.locator("[data-waiting-word]")).to_have_text("Waiting to start…", timeout=PATIENCE)
    stack.upstream.release(texts[1].tag)
    tab.expect_answer(spoken(3))
    for run in [*runs, last_run(alice)]:
        check(run)
