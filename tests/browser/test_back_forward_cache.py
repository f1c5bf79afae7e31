"""Pages that the browser keeps alive when one leaves them, and shows again as they were: its back/forward cache."""

import pytest

from chatapp.chats.models import Preferences
from tests.browser.conftest import WHOLE
from tests.browser.panes import Panes
from tests.browser.window import expect, last_run
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser

REMEMBER = "addEventListener('pageshow', (event) => (window.wasKept = event.persisted))"


@pytest.fixture(scope="module")
def browsers():
    return WHOLE  # the shell keeps no pages


@pytest.fixture(scope="module")
def launch_options():
    return {"ignore_default_args": ["--disable-back-forward-cache"]}  # playwright switches it off unless told


@pytest.fixture
def window(stack, alice, open_window):
    window = open_window(stack, alice)
    window.context.add_init_script(REMEMBER)
    return window


def away(page, path: str = "/archive") -> None:
    """To another page by a link of this one, as people go."""
    page.get_by_role("navigation").locator(f'a[href="{path}"]').first.click()
    page.wait_for_url(f"**{path}")


def back(page, to: str) -> None:
    """Back to a page that the browser has kept: nothing is loaded."""
    page.evaluate("history.back()")
    page.wait_for_url(to, wait_until="commit")  # no load is told of a page that was kept
    wait_until(lambda: page.evaluate("window.wasKept === true"), "the page has come so far")


@pytest.mark.long  # streams.test.mjs: a page that comes back; a browser of its own
@pytest.mark.skip_engine("firefox", reason="WebDriver BiDi tells of no page that comes out of the cache")
def test_a_page_that_was_kept_shows_the_whole_answer(stack, alice, window):  # B32 B34
    Preferences.objects.create(user=alice.user, notifies=True)  # the locks it takes would keep it out of the cache
    window.context.grant_permissions(["notifications"])
    tab, text = window.tab, prompt(tokens=40, hold=[10, 20, 30])
    tab.start(text)
    tab.expect_answer(spoken(10))
    session = tab.page.url
    away(tab.page)
    stack.upstream.release(text.tag)
    stack.upstream.wait(text.tag, "tokens:20")

    # Written on while one was away: what is missing should come, and be followed
    back(tab.page, session)
    tab.expect_answer(spoken(20))
    tab.expect_state("answering")
    expect(tab.stop_button).to_be_visible()
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(30))

    # Ended while one was away: the page should say so
    away(tab.page)
    stack.upstream.release(text.tag)
    check(last_run(alice))
    back(tab.page, session)
    tab.expect_answer(spoken(40))
    tab.expect_state("complete")
    expect(tab.stop_button).to_be_hidden()
    expect(tab.answers).to_have_count(1)
    expect(tab.page.locator("[data-connection]")).to_be_hidden()


@pytest.mark.long  # a kept page fetches what is missing above
@pytest.mark.skip_engine("firefox", reason="WebDriver BiDi tells of no page that comes out of the cache")
def test_what_was_sent_elsewhere_is_on_the_page_that_was_kept(stack, alice, window):  # B32
    tab = window.tab
    tab.start(prompt("Once", tokens=3))
    tab.expect_state("complete")
    session = tab.page.url
    away(tab.page)
    check(alice.send(prompt("And again", tokens=4), str(last_run(alice).session_id)))
    back(tab.page, session)
    expect(tab.questions).to_have_count(2)
    tab.expect_answer(spoken(4))


@pytest.mark.long
@pytest.mark.skip_engine("firefox", reason="WebDriver BiDi tells of no page that comes out of the cache")
def test_a_comparison_that_was_left_shows_what_was_written(stack, window, contenders):  # B42
    panes = Panes(window.page, contenders(tokens=9, hold=[4, 6]))
    comparison = panes.start()
    for letter in "ABC":
        panes.expect(letter, "answering", spoken(4))
    address = window.page.url
    away(window.page)
    back(window.page, address)
    for letter in "ABC":  # it is back in time
        panes.expect(letter, "answering", spoken(4))
        stack.upstream.release(panes.tag(comparison, letter))
        panes.expect(letter, "answering", spoken(6))
    away(window.page)
    runs = [check(pane.run) for pane in comparison.panes.all()]
    assert {run.reason for run in runs} == {"viewer_left"}
    back(window.page, address)
    for letter in "ABC":
        panes.expect(letter, "stopped", spoken(6))


@pytest.mark.long  # as above
def test_a_page_that_was_kept_goes_when_its_reader_has_logged_out(stack, window):  # B55
    tab = window.tab
    tab.page.goto("/")
    away(tab.page)
    form = {"csrfmiddlewaretoken": window.cookie("csrftoken")}
    window.context.request.post("/logout", headers={"Origin": window.url}, form=form)  # in another tab
    tab.page.evaluate("history.back()")
    tab.page.wait_for_url("**/login?next=/")


@pytest.mark.long  # test_in_place.py: what was kept after a log-out
def test_who_logs_out_leaves_nothing_behind_for_the_way_back(stack, window):  # B55
    tab = window.tab
    tab.page.goto("/")
    tab.page.get_by_role("button", name="Account menu").click()
    tab.page.get_by_role("button", name="Log out").click()
    expect(tab.page.get_by_role("heading", name="Log in")).to_be_visible()
    tab.page.evaluate("history.back()")
    tab.page.wait_for_url("**/login?next=/")
    assert tab.page.evaluate("window.wasKept") is False
