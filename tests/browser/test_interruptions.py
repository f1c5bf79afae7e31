"""The page while parts of the system are away, and after (B32, B34)."""

import pytest

from runs.models import Run
from tests.browser.window import expect, last_run
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser


def test_the_page_says_that_it_reconnects_and_goes_on_where_it_was(stack, alice, web, open_window):  # B32 B34
    tab, text = open_window(web, alice).tab, prompt(tokens=30, hold=[10, 20])
    tab.start(text)
    tab.expect_answer(spoken(10))
    web.kill()
    mark = tab.page.get_by_text("Reconnecting…").first
    expect(mark).to_be_visible()
    expect(tab.status).to_have_text("Reconnecting…")
    tab.expect_answer(spoken(10))  # what was on the screen stays there
    stack.upstream.release(text.tag)
    run = last_run(alice)
    stack.upstream.wait(text.tag, "tokens:20")  # it is written without a web server
    web.start()
    tab.expect_answer(spoken(20))
    expect(tab.page.locator("[data-connection]")).to_be_hidden()
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(30))
    tab.expect_state("complete")
    check(run)


SIGNS_OF_LIFE = {
    "online": "dispatchEvent(new Event('online'))",
    "looked at again": "document.dispatchEvent(new Event('visibilitychange'))",
    "back from the cache": "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
}


@pytest.mark.long  # tests/browser_units/streams.test.mjs: each of these signs
def test_the_page_reconnects_at_once_when_there_is_reason_to(stack, alice, web, open_window):  # B32
    tab, text = open_window(web, alice).tab, prompt(tokens=9, hold=[3])
    tab.start(text)
    tab.expect_answer(spoken(3))
    tab.page.clock.install()
    tab.page.clock.pause_at("2100-01-01")  # no timer fires any more: only the sign makes it try again
    mark = tab.page.locator("[data-connection]")
    for sign in SIGNS_OF_LIFE.values():
        web.kill()
        expect(mark).to_be_visible()
        web.start()
        tab.page.evaluate(sign)
        expect(mark).to_be_hidden()
    tab.page.clock.resume()
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(9))
    check(last_run(alice))


@pytest.mark.long  # a run ends while the web server is away in test_queue.py, too
def test_the_final_html_comes_when_the_web_server_is_back(stack, alice, web, open_window):  # B34
    tab, text = open_window(web, alice).tab, prompt(tokens=12, hold=[10])
    tab.start(text)
    tab.expect_answer(spoken(10))
    web.kill()
    expect(tab.page.locator("[data-connection]")).to_be_visible()
    stack.upstream.release(text.tag)
    run = check(last_run(alice))
    web.start()
    tab.expect_state("complete")
    tab.expect_answer(run.message.content)
    expect(tab.answers.last.locator("[data-text]")).to_have_count(0)


def test_a_message_that_did_not_arrive_stays_and_is_sent_once(stack, alice, web, open_window):  # B22
    tab = open_window(web, alice).tab
    tab.start(prompt(tokens=3))
    tab.expect_state("complete")
    web.kill()
    text = prompt("Once", tokens=4)
    tab.send(text)
    expect(tab.page.get_by_role("alert")).to_have_text("The server can’t be reached. Please try again.")
    expect(tab.field).to_have_value(text)
    web.start()
    tab.field.press("Enter")
    tab.expect_answer(spoken(4))
    expect(tab.questions).to_have_count(2)
    assert Run.objects.visible_to(alice.user).count() == 2
    check(last_run(alice))


def test_when_the_broker_is_down_the_failed_answer_stands_in_its_place(make_stack, open_window):  # B11
    stack = make_stack(start=("valkey", "web"))
    alice = stack.person("alice")
    tab = open_window(stack, alice).tab
    stack.valkey.kill()
    tab.start("Is anybody there?")
    expect(tab.answers.last).to_contain_text("broker_unavailable")
    expect(tab.questions).to_have_count(1)
    expect(tab.questions).to_contain_text("Is anybody there?")
    expect(tab.send_button).to_be_visible()
    check(last_run(alice))


@pytest.mark.long  # test_without_websocket.py ends a log-in, streams.test.mjs one with a socket
def test_when_the_login_ends_the_page_says_so(stack, alice, make_web, open_window):  # B55
    window = open_window(make_web(STREAMS_HEARTBEAT_SECONDS="0.2"), alice)
    tab, text = window.tab, prompt(tokens=9, hold=[3])
    tab.start(text)
    tab.expect_answer(spoken(3))
    window.context.request.post("/logout", headers=logout_headers(window), form=logout_form(window))
    expect(tab.page.get_by_text("Logged out. Reload the page to log in.").first).to_be_visible()
    stack.upstream.release(text.tag)
    check(last_run(alice))  # the answer is written all the same
    tab.expect_answer(spoken(3))
    tab.page.reload()
    expect(tab.page.get_by_role("heading", name="Log in")).to_be_visible()


def logout_form(window) -> dict[str, str]:
    return {"csrfmiddlewaretoken": window.cookie("csrftoken")}


def logout_headers(window) -> dict[str, str]:
    return {"Origin": window.url}


@pytest.mark.long  # streams.test.mjs: each sign of a lost network
def test_offline_and_online_again(stack, open_window):  # B32 B34
    alice = stack.person("alice")
    window = open_window(stack, alice)
    tab, text = window.tab, prompt(tokens=30, hold=[10, 20])
    tab.start(text)
    tab.expect_answer(spoken(10))
    window.context.set_offline(True)
    tab.page.evaluate("dispatchEvent(new Event('offline'))")
    expect(tab.page.locator("[data-connection]")).to_have_text("You’re offline.")
    stack.upstream.release(text.tag)
    stack.upstream.wait(text.tag, "tokens:20")
    tab.send("Sent without a network")
    expect(tab.page.get_by_role("alert")).to_have_text("The server can’t be reached. Please try again.")
    expect(tab.field).to_have_value("Sent without a network")
    window.context.set_offline(False)
    tab.expect_answer(spoken(20))
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(30))
    tab.expect_state("complete")
    check(last_run(alice))


@pytest.mark.long  # test_in_place.py goes there in place, test_back_forward_cache.py to kept pages
def test_back_and_forth_between_pages_while_an_answer_is_written(stack, open_window):  # B32 B33
    alice = stack.person("alice")
    tab, text = open_window(stack, alice).tab, prompt(tokens=40, hold=[10, 20, 30])
    tab.start(text)
    tab.expect_answer(spoken(10))
    for count in (20, 30):
        tab.page.goto("/")
        stack.upstream.release(text.tag)
        stack.upstream.wait(text.tag, f"tokens:{count}")
        tab.page.go_back()
        tab.expect_answer(spoken(count))
        expect(tab.stop_button).to_be_visible()
    tab.page.go_forward()
    expect(tab.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    stack.upstream.release(text.tag)
    check(last_run(alice))
    tab.page.go_back()
    tab.expect_answer(spoken(40))
    tab.expect_state("complete")


def test_a_reload_at_any_moment_loses_and_doubles_nothing(stack, open_window):  # B33
    alice = stack.person("alice")
    tab = open_window(stack, alice).tab
    tab.start(prompt(tokens=200, rate=100, reasoning=20))
    for _ in range(4):
        tab.page.reload()
    tab.expect_answer(spoken(200))
    tab.expect_state("complete")
    check(last_run(alice))


@pytest.mark.long  # tests/streams/test_access.py, tests/web/test_access.py
def test_two_users_at_once_see_their_own(stack, open_window):  # B55
    people = [stack.person(name) for name in ("alice", "bob")]
    tabs = [open_window(stack, person).tab for person in people]
    texts = [prompt(f"Of {person.user.username}", tokens=9, hold=[3 + place]) for place, person in enumerate(people)]
    for tab, text in zip(tabs, texts, strict=True):
        tab.start(text)
    for place, (tab, text) in enumerate(zip(tabs, texts, strict=True)):
        tab.expect_answer(spoken(3 + place))
        stack.upstream.release(text.tag)
    for tab, person, other in zip(tabs, people, people[::-1], strict=True):
        tab.expect_answer(spoken(9))
        tab.expect_state("complete")
        assert other.user.username not in tab.page.content()
        check(last_run(person))
