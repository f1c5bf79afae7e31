"""A person chats in a browser: real Chromium, web server, worker and upstream."""

import re

import pytest
from playwright.sync_api import Page

from chatapp.chats.models import Message, Session
from runs.models import Run
from runs.states import Status
from tests.browser.window import expect, last_run
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser

RESTING = """new Promise((resolve) => {
  const look = (before) => requestAnimationFrame(() => (scrollY === before ? resolve(scrollY) : look(scrollY)));
  look(NaN);
})"""  # where a smooth scroll comes to rest


def test_from_login_to_a_whole_answer_with_a_reload_in_the_middle(stack, open_window):  # B33
    alice = stack.person("alice")
    alice.user.set_password("a long and quiet river")
    alice.user.save(update_fields=["password"])
    tab = open_window(stack).tab
    tab.page.goto("/")
    tab.login(alice.user.username, "a long and quiet river")
    text = prompt(tokens=40, hold=[5, 10, 20])
    tab.send(text)
    tab.wait_for_session()
    tab.expect_answer(spoken(5))
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(10))  # it grows without a reload
    tab.page.reload()
    tab.expect_answer(spoken(10))
    expect(tab.stop_button).to_be_visible()
    expect(tab.send_button).to_be_hidden()
    expect(tab.status).to_have_text("Answering")
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(20))
    tab.page.goto("/")  # away while it goes on, and back
    stack.upstream.release(text.tag)
    run = check(last_run(alice))
    tab.page.go_back()
    tab.expect_answer(spoken(40))
    tab.expect_state("complete")
    expect(tab.send_button).to_be_visible()
    expect(tab.stop_button).to_be_hidden()
    assert run.message.content == spoken(40)


@pytest.mark.long  # test_queue.py sends more, test_in_place.py looks at the field
def test_the_second_message_is_answered_on_the_same_page(stack, open_window):
    alice = stack.person("alice")
    tab = open_window(stack, alice).tab
    tab.start(prompt(tokens=3))
    tab.expect_state("complete")
    tab.page.evaluate("window.isTheSamePage = true")
    text = prompt("And now?", tokens=5, hold=[2])
    tab.send(text)
    tab.expect_answer(spoken(2))
    expect(tab.status).to_have_text("Answering")
    expect(tab.field).to_have_value("")
    expect(tab.field).to_be_focused()
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(5))
    tab.expect_state("complete")
    expect(tab.status).to_have_text("Done")
    expect(tab.questions).to_have_count(2)
    expect(tab.answers).to_have_count(2)
    assert tab.page.evaluate("window.isTheSamePage")
    check(last_run(alice))


@pytest.mark.long  # test_list.py: what another tab sends
def test_a_second_tab_shows_the_same(stack, open_window):  # B28
    alice = stack.person("alice")
    window = open_window(stack, alice)
    first, text = window.tab, prompt(tokens=30, hold=[10])
    first.start(text)
    first.expect_answer(spoken(10))
    second = window.new_tab()
    second.page.goto(first.page.url)
    second.expect_answer(spoken(10))
    stack.upstream.release(text.tag)
    for tab in (first, second):
        tab.expect_answer(spoken(30))
        tab.expect_state("complete")
    check(last_run(alice))


@pytest.mark.long  # test_list.py: what another tab sends; test_units.py: a page that becomes visible
def test_a_tab_that_is_looked_at_again_has_what_another_one_sent(stack, open_window):
    alice = stack.person("alice")
    window = open_window(stack, alice)
    first = window.tab
    first.start(prompt(tokens=3))
    second = window.new_tab()
    second.page.goto(first.page.url)
    second.expect_state("complete")
    first.send(prompt("From the first tab", tokens=4))
    first.expect_answer(spoken(4))
    second.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    second.expect_answer(spoken(4))
    second.expect_state("complete")
    expect(second.answers).to_have_count(2)
    check(last_run(alice))


def test_stop_keeps_what_was_written_also_after_a_reload(stack, open_window):  # B35 B36
    alice = stack.person("alice")
    tab, text = open_window(stack, alice).tab, prompt(tokens=30, stall_after=7)
    tab.start(text)
    tab.expect_answer(spoken(7))
    tab.stop_button.click()
    tab.expect_state("stopped")
    stack.upstream.wait(text.tag, "closed")
    expect(tab.answers.last.get_by_text("Stopped", exact=True)).to_be_visible()
    expect(tab.status).to_have_text("Stopped")
    expect(tab.field).to_be_focused()
    tab.page.reload()
    tab.expect_answer(spoken(7))
    tab.expect_state("stopped")
    expect(tab.send_button).to_be_visible()
    run = check(last_run(alice))
    assert (run.status, run.message.content) == (Status.STOPPED, spoken(7))
    assert run.stop_requested_by == alice.user


@pytest.mark.long  # tests/web/test_stop.py reads the page
def test_stop_before_the_first_word_leaves_no_empty_bubble(stack, open_window):  # B39
    alice = stack.person("alice")
    tab, text = open_window(stack, alice).tab, prompt(stall_after=0)
    tab.start(text)
    stack.upstream.wait(text.tag, "stalled")
    tab.stop_button.click()
    expect(tab.answers.last.get_by_text("Stopped before the first word")).to_be_visible()
    check(last_run(alice))


@pytest.mark.long  # test_composer.py: drafts
def test_what_is_typed_while_an_answer_is_written_stays(stack, open_window):
    alice = stack.person("alice")
    tab, text = open_window(stack, alice).tab, prompt(tokens=6, hold=[3])
    tab.start(text)
    tab.expect_answer(spoken(3))
    expect(tab.send_next_button).to_be_hidden()
    tab.field.fill("My next thought")
    expect(tab.send_next_button).to_be_visible()
    expect(tab.stop_button).to_be_visible()
    stack.upstream.release(text.tag)
    tab.expect_state("complete")
    expect(tab.send_button).to_be_visible()
    expect(tab.field).to_have_value("My next thought")
    expect(tab.questions).to_have_count(1)
    check(last_run(alice))


@pytest.mark.each_engine
def test_enter_twice_is_one_message_and_shift_enter_a_new_line(stack, open_window):  # B22
    alice = stack.person("alice")
    tab = open_window(stack, alice).tab
    tab.page.goto("/")
    tab.field.fill("One line")
    tab.field.press("Shift+Enter")
    tab.field.press_sequentially(prompt("another", tokens=3).replace("\n", " "))
    tab.page.evaluate("""() => {
        const press = () => document.activeElement.dispatchEvent(
            new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
        press();
        press();
    }""")
    tab.wait_for_session()
    tab.expect_state("complete")
    assert Session.objects.visible_to(alice.user).count() == 1
    [question] = Message.objects.filter(session__owner=alice.user, role="user")
    assert question.content.startswith("One line\nanother")
    tab.field.fill(prompt(tokens=4))
    tab.page.evaluate("""() => {
        const send = document.querySelector("[data-send]");
        send.click();
        send.click();
    }""")
    tab.expect_answer(spoken(4))
    expect(tab.questions).to_have_count(2)
    assert Run.objects.visible_to(alice.user).count() == 2
    check(last_run(alice))


def test_enter_that_ends_an_input_methods_word_does_not_send(stack, open_window):
    alice = stack.person("alice")
    tab = open_window(stack, alice).tab
    tab.page.goto("/")
    tab.field.fill("にほん")
    was_taken = tab.page.evaluate("""() => !document.querySelector("[data-text-field]").dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }))""")
    assert not was_taken
    assert not Session.objects.visible_to(alice.user).exists()


def test_what_cannot_be_sent_is_told_next_to_the_field_and_kept(stack, open_window):
    alice = stack.person("alice")
    tab = open_window(stack, alice, expected="422").tab
    tab.start(prompt(tokens=3))
    tab.expect_state("complete")
    tab.field.fill("x" * 100_001)
    tab.send_button.click()
    sentence = "The message is too long: 100,001 characters. The limit is 100,000."
    expect(tab.page.get_by_role("alert")).to_have_text(sentence)
    assert len(tab.field.input_value()) == 100_001
    tab.send(prompt(tokens=4))
    tab.expect_answer(spoken(4))
    expect(tab.page.get_by_role("alert")).to_be_hidden()
    check(last_run(alice))


def test_a_failed_answer_says_why_in_its_place(stack, open_window):  # B47
    alice = stack.person("alice")
    tab, text = open_window(stack, alice).tab, prompt(tokens=9, hold=[3], close_after=4)
    tab.start(text)
    tab.expect_answer(spoken(3))
    stack.upstream.release(text.tag)
    expect(tab.answers.last).to_contain_text("upstream_interrupted")
    tab.expect_answer(spoken(4))
    expect(tab.status).to_have_text(re.compile(r"Failed: "))
    tab.page.reload()
    expect(tab.answers.last).to_contain_text("upstream_interrupted")
    check(last_run(alice))


@pytest.mark.long  # test_same_grammar.py draws what is folded
def test_reasoning_is_folded_and_stays_as_the_reader_put_it(stack, open_window):
    alice = stack.person("alice")
    tab, text = open_window(stack, alice).tab, prompt(reasoning=4, tokens=6, hold=[2])
    tab.start(text)
    tab.expect_answer(spoken(2))
    reasoning = tab.answers.last.locator("[data-reasoning-text]")
    expect(reasoning).to_be_hidden()
    tab.page.get_by_text("Reasoning", exact=True).click()
    expect(reasoning).to_have_text("r1 r2 r3 r4 ")
    stack.upstream.release(text.tag)
    expect(tab.answers.last.locator("[data-text]")).to_have_count(0)  # the server's HTML has taken its place
    expect(reasoning).to_have_text("r1 r2 r3 r4 ")
    expect(reasoning).to_be_visible()
    check(last_run(alice))


def test_a_long_answer_arrives_whole(stack, open_window):
    """More events than the server sends without an acknowledgement."""
    alice = stack.person("alice")
    tab = open_window(stack, alice).tab
    tab.start(prompt(tokens=600, rate=300))
    tab.expect_answer(spoken(600))
    check(last_run(alice))


def test_the_page_follows_its_end_only_while_the_reader_is_there(stack, open_window):  # B81
    alice = stack.person("alice")
    tab = open_window(stack, alice, viewport={"width": 400, "height": 500}).tab
    lines = [f"line {n}\n\n" for n in range(90)]
    text = prompt(text=lines, hold=[30, 60])
    tab.start(text)
    expect(tab.answer).to_contain_text("line 29")
    from_end = "() => document.documentElement.scrollHeight - innerHeight - scrollY"
    wait_until(lambda: tab.page.evaluate(f"({from_end})() < 2"), "the page has come so far")
    tab.page.evaluate("scrollBy(0, -300)")
    place = tab.page.evaluate("scrollY")
    stack.upstream.release(text.tag)
    expect(tab.answer).to_contain_text("line 59")
    assert tab.page.evaluate("scrollY") == place
    stack.upstream.release(text.tag)
    expect(tab.answers.last.locator("[data-text]")).to_have_count(0)
    assert tab.page.evaluate("scrollY") == place  # nor does the final HTML move the reader
    check(last_run(alice))


def turn_the_wheel(page: Page) -> None:
    page.mouse.move(200, 200)
    page.mouse.wheel(0, -20)


def press_a_key(page: Page) -> None:
    page.evaluate("document.activeElement.blur()")  # in the message field keys move the caret
    page.keyboard.press("ArrowUp")


def drag_with_a_finger(page: Page) -> None:
    devtools = page.context.new_cdp_session(page)
    for kind, points in (("Start", [200]), ("Move", [215]), ("Move", [230]), ("Move", [240]), ("End", [])):
        touch_points = [{"x": 200, "y": y} for y in points]
        devtools.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touch_points})


@pytest.mark.each_engine
@pytest.mark.parametrize("scroll_up", [turn_the_wheel, press_a_key, drag_with_a_finger])
def test_the_smallest_gesture_upwards_is_not_undone_by_what_arrives(stack, alice, open_window, scroll_up):  # B81
    """Each frame used to decide anew whether the reader is at the end, within 32 px: the start of every gesture."""
    is_touch = scroll_up is drag_with_a_finger
    tab = open_window(stack, alice, viewport={"width": 400, "height": 500}, has_touch=is_touch).tab
    text = prompt(text=[f"line {n}\n\n" for n in range(90)], hold=[30, 60])
    tab.page.goto("/")
    tab.field.fill(text)
    tab.send_button.click()
    expect(tab.answer).to_contain_text("line 29")
    from_end = "document.documentElement.scrollHeight - innerHeight - scrollY"
    wait_until(lambda: tab.page.evaluate(from_end) < 2, "the page has come so far")
    bottom = tab.page.evaluate("scrollY")
    scroll_up(tab.page)
    wait_until(lambda: 0 < tab.page.evaluate("scrollY") < bottom, "it moves")
    place = tab.page.evaluate(RESTING)
    stack.upstream.release(text.tag)
    expect(tab.answer).to_contain_text("line 59")
    assert tab.page.evaluate("scrollY") == place
    tab.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")  # who gets to the end follows it again
    stack.upstream.release(text.tag)
    expect(tab.answer).to_contain_text("line 89")
    wait_until(lambda: tab.page.evaluate(from_end) < 2, "the page has followed")
    check(last_run(alice))


HOSTILE = [
    "<script>document.title = 'owned'</script>\n\n",
    "<img src='/static/x.png' onerror='document.title = 1'>\n\n",
    "![remote](http://127.0.0.1:9/x.png)\n\n",
    "[one](javascript:document.title='owned') [two](data:text/html,x) [three](https://example.org/)\n\n",
    "```x\" onclick=\"document.title='owned'\ncode\n```\n\n",
    "> " * 30 + "deep\n\n" + "- " * 15 + "deep\n\n",
    "$$\n\\frac{1}{2}\n$$\n\n| a |\n|--|\n| [b](vbscript:x) |\n\n",
    "the end. ",
]


def test_what_a_hostile_model_writes_does_nothing(stack, open_window):  # B58
    alice = stack.person("alice")
    tab, text = open_window(stack, alice).tab, prompt("Hostile", text=HOSTILE, hold=[8])
    requested = []
    tab.page.on("request", lambda request: requested.append(request.url))
    tab.start(text)
    expect(tab.answer).to_contain_text("the end.")
    for is_final in (False, True):
        addresses = tab.answer.locator("[href], [src]").evaluate_all(
            "nodes => nodes.map((node) => node.getAttribute('href') ?? node.getAttribute('src'))"
        )
        assert set(addresses) == {"http://127.0.0.1:9/x.png", "https://example.org/"}
        assert tab.answer.locator("img, script, [onclick], [onerror], [style]").count() == 0
        assert "owned" not in tab.page.title()
        if not is_final:
            stack.upstream.release(text.tag)
            expect(tab.answers.last.locator("[data-text]")).to_have_count(0)
    assert not any(url.endswith("x.png") for url in requested)
    check(last_run(alice))
