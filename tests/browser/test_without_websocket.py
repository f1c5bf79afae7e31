"""Behind a proxy that lets no WebSocket through, a page follows its streams all the same, and says nothing (B32)."""

from types import SimpleNamespace

import pytest

from tests.browser.panes import Panes, make_contenders
from tests.browser.test_interruptions import logout_form, logout_headers
from tests.browser.window import expect
from tests.harness.check import check
from tests.harness.cutting import SocketlessProxy
from tests.harness.upstream import prompt, spoken

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


@pytest.fixture
def socketless(make_web, open_window, alice, request):
    """`socketless(way)`: a window of alice's behind such a proxy, and the proxy."""

    def open_(way: str):
        proxy = SocketlessProxy(make_web(STREAMS_HEARTBEAT_SECONDS="0.5").url, way)
        request.addfinalizer(proxy.close)
        window = open_window(SimpleNamespace(url=proxy.url), alice, expected="WebSocket connection")
        window.page.add_init_script("""
          addEventListener("DOMContentLoaded", () => {
            const mark = document.querySelector("[data-connection]");
            const note = () => mark.hidden || (window.said ??= []).push(mark.textContent);
            new MutationObserver(note).observe(mark, { attributes: true });
          });
        """)
        return window, proxy

    return open_


def last_row(page):
    return page.get_by_role("navigation", name="Chats").locator("[data-session]").first


@pytest.mark.each_engine
def test_an_answer_and_the_list_are_live(stack, alice, socketless):  # B32 B55
    follow_to_the_end(stack, alice, socketless, "refused")


@pytest.mark.long  # tests/browser_units/streams.test.mjs: neither is waited for
@pytest.mark.parametrize("way", ["ignored", "mute"])
def test_a_handshake_without_an_answer_is_given_up(stack, alice, socketless, way):  # B32
    follow_to_the_end(stack, alice, socketless, way)


def follow_to_the_end(stack, alice, socketless, way: str) -> None:
    window, proxy = socketless(way)
    tab, say = window.tab, prompt("Which tree?", tokens=9, hold=[3, 6])
    tab.start(say)
    tab.expect_answer(spoken(3))
    expect(last_row(tab.page)).to_have_attribute("data-activity", "answering")
    stack.upstream.release(say.tag)
    tab.expect_answer(spoken(6))

    # A reload should not wait for a WebSocket that was not there a moment ago
    before = proxy.attempts
    tab.page.reload()
    tab.expect_answer(spoken(6))
    assert way == "refused" or proxy.attempts == before
    stack.upstream.release(say.tag)
    tab.expect_state("complete")
    tab.expect_answer(spoken(9))
    check(alice.user.chat_sessions.get().runs.get())
    expect(last_row(tab.page)).not_to_have_attribute("data-activity", "answering")
    assert tab.page.evaluate("window.said") is None

    # The end of the log-in should end this connection, too
    window.context.request.post("/logout", headers=logout_headers(window), form=logout_form(window))
    expect(tab.page.get_by_text("Logged out. Reload the page to log in.").first).to_be_visible()


@pytest.mark.long  # tests/worker/test_following.py: one response for many streams
def test_all_panes_share_one_connection_so_that_a_stop_gets_through(stack, socketless):  # B42
    """Browsers open six connections to a server that speaks HTTP/1.1."""
    window, _ = socketless("refused")
    panes = Panes(window.page, make_contenders(stack, tokens=9, hold=[4]))
    streams = []
    window.page.on("request", lambda request: streams.append(request.url) if "/streams?" in request.url else None)
    comparison = panes.start()
    for letter in "ABC":
        panes.expect(letter, "answering", spoken(4))
    panes.act("B", "Stop answer B").click()
    panes.expect("B", "stopped", spoken(4))
    for letter in "AC":
        stack.upstream.release(panes.tag(comparison, letter))
        panes.expect(letter, "completed", spoken(9))
    assert max(url.count("follow=") for url in streams) == 4  # the list's, and one for each pane
    for pane in comparison.panes.select_related("run"):
        check(pane.run)
