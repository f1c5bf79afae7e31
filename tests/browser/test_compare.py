"""Comparisons in a real browser: panes side by side, each ended by its Stop, its closing, or leaving the page."""

from pathlib import Path

import pytest
from django.conf import settings

from chatapp.compare.models import Comparison
from runs.models import Run
from runs.states import Status
from tests.browser.panes import COMPARISON, NAMES, Panes
from tests.browser.window import expect
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser

AXE = Path(settings.BROWSER_PACKAGES_DIR, "axe-core", "axe.min.js")


@pytest.fixture
def window_options():
    return {"expected": "409"}


def runs_of(comparison: Comparison) -> list[Run]:
    return [pane.run for pane in comparison.panes.select_related("run")]


def test_stop_closing_and_leaving_each_close_their_own_upstreams(stack, tab, contenders):  # B42 B44 B46
    panes = Panes(tab.page, contenders(tokens=9, hold=[4, 6]))
    sockets = []
    tab.page.on("websocket", lambda socket: sockets.append(tab.page.url))
    comparison = panes.start()
    tags = {letter: panes.tag(comparison, letter) for letter in "ABC"}
    for letter in "ABC":
        panes.expect(letter, "answering", spoken(4))

    assert [url for url in sockets if COMPARISON.search(url)] == [tab.page.url]  # one, for all panes and the list

    # Stop in a pane should close that upstream's socket; the others should go on
    panes.act("B", "Stop answer B").click()
    assert stack.upstream.wait(tags["B"], "closed")["ended"] == "closed by client"
    panes.expect("B", "stopped", spoken(4))
    for letter in "AC":
        stack.upstream.release(tags[letter])
        panes.expect(letter, "answering", spoken(6))

    # Another answer of a pane should take the place of the one that was stopped
    panes.act("B", "Another answer from B").click()
    panes.expect("B", "answering", spoken(4))

    # A pane that is closed should be gone, and end
    panes.act("A", "Close answer A").click()
    expect(panes.pane("A")).to_have_count(0)
    assert stack.upstream.wait(tags["A"], "closed")["ended"] == "closed by client"
    expect(panes.page.get_by_role("button", name="Close answer C")).to_have_count(0)  # two have to stay
    panes.expect("C", "answering", spoken(6))
    assert len(stack.upstream.connections(tags["C"])) == 1

    # Leaving should end the rest, and keep what was written
    tab.page.goto("/")
    for letter, count in (("B", 2), ("C", 1)):
        assert stack.upstream.wait(tags[letter], "closed", count)["ended"] == "closed by client"
    a, b, c = (check(run) for run in runs_of(comparison))
    assert [run.reason for run in (a, b, c)] == ["viewer_left"] * 3
    assert [run.message.content for run in (a, b, c)] == [spoken(6), spoken(4), spoken(6)]
    expect(tab.page.get_by_role("link", name="Which tree?")).to_have_count(0)


def test_a_reload_or_a_stray_link_loses_nothing_and_who_stays_away_can_continue(stack, tab, contenders):  # B42
    panes = Panes(tab.page, contenders(tokens=9, hold=[4, 6]))
    comparison = panes.start()
    tags = {letter: panes.tag(comparison, letter) for letter in "ABC"}
    for letter in "ABC":
        panes.expect(letter, "answering", spoken(4))
    address = tab.page.url
    tab.page.reload()
    panes.expect("A", "answering", spoken(4))
    tab.page.goto("/compare/history")
    tab.page.go_back()
    for letter in "ABC":
        panes.expect(letter, "answering", spoken(4))
        stack.upstream.release(tags[letter])
        panes.expect(letter, "answering", spoken(6))
    assert [len(stack.upstream.connections(tag)) for tag in tags.values()] == [1, 1, 1]

    # Who does not come back should find the text, and a way to go on with each and with all
    panes.act("C", "Stop answer C").click()
    panes.expect("C", "stopped", spoken(6))
    tab.page.goto("/compare/history")
    for tag in tags.values():
        assert stack.upstream.wait(tag, "closed")["ended"] == "closed by client"
    for run in runs_of(comparison):
        check(run)
    tab.page.goto(address)
    for letter in "ABC":
        panes.expect(letter, "stopped", spoken(6))
        expect(panes.act(letter, f"Continue answer {letter}")).to_be_visible()
    expect(panes.pane("A").get_by_text("lost its connection")).to_be_visible()
    expect(panes.pane("C").get_by_text("lost its connection")).to_have_count(0)
    tab.page.get_by_role("button", name="Continue all").click()
    for letter in "AB":
        panes.expect(letter, "answering", spoken(6) + spoken(4))
    panes.expect("C", "stopped", spoken(6))
    panes.act("C", "Continue answer C").click()
    for letter in "ABC":
        panes.expect(letter, "answering", spoken(6) + spoken(4))
        stack.upstream.release(tags[letter])
        panes.expect(letter, "answering", spoken(6) + spoken(6))
        stack.upstream.release(tags[letter])
        panes.expect(letter, "completed", spoken(6) + spoken(9))
    assert [check(run).message.content for run in runs_of(comparison)] == [spoken(6) + spoken(9)] * 3


@pytest.mark.long  # test_keyboard.py presses Tab on this page
def test_a_comparison_by_keyboard_from_the_question_to_the_chat(stack, alice, tab, contenders, open_window):  # B45 B46
    tags = contenders(tokens=3, hold=[2])
    panes = Panes(tab.page, tags)
    comparison = panes.start(order="One after another")
    panes.expect("A", "answering", spoken(2))
    expect(panes.pane("C").get_by_text("Waiting for its turn")).to_be_visible()
    expect(panes.vote("Answer A")).to_be_disabled()
    for letter in "ABC":
        panes.expect(letter, "answering", spoken(2))
        stack.upstream.release(panes.tag(comparison, letter))
        panes.expect(letter, "completed", spoken(3))
    expect(tab.status).to_have_text("Answer C: Done")
    assert not any(name in tab.page.content() for name in NAMES)
    other = Panes(open_window(stack, alice, expected="409").page, tags)
    other.page.goto(tab.page.url)
    expect(other.vote("Tie")).to_be_enabled()

    tab.page.bring_to_front()  # keys go to the window that is looked at
    panes.vote("Answer B").focus()
    tab.page.keyboard.press("Enter")
    winner = comparison.panes.get(position=1)
    expect(tab.page.get_by_text(f"You chose B: {winner.contender}.")).to_be_visible()
    for pane in comparison.panes.all():
        expect(panes.pane(pane.letter)).to_contain_text(pane.contender)

    # A vote from another tab should come too late, and the tab should show the truth
    other.vote("Tie").click()
    expect(other.page.get_by_role("alert")).to_have_text("You have already voted.")
    expect(other.page.get_by_text("You chose B")).to_be_visible()

    tab.page.bring_to_front()
    panes.act("B", "Continue as a chat").focus()
    tab.page.keyboard.press("Enter")
    tab.wait_for_session()
    tab.expect_answer(spoken(3))
    tab.send(prompt(tokens=2))
    expect(tab.answers).to_have_count(2)
    tab.expect_answer(spoken(2))
    for run in runs_of(comparison):
        check(run)
    assert Run.objects.visible_to(alice.user).count() == 2


@pytest.mark.long  # test_answers.py in a chat, by the same module
def test_what_is_asked_of_tools_is_told_in_its_pane_and_stays(stack, tab, contenders):  # B43 B45
    tools = [{"id": "a", "name": "search", "arguments": '{"query": "bark"}'}, {"id": "b", "name": "count"}]
    panes = Panes(tab.page, contenders(tools=tools, tokens=4, hold=[2]))
    comparison = panes.start()

    def expect_tools(letter: str) -> None:
        expect(panes.pane(letter).locator("[data-tool-name]")).to_have_text(["search", "count"])
        expect(panes.pane(letter).locator("[data-tool-arguments]").first).to_have_text('{"query": "bark"}')

    for letter in "ABC":
        panes.expect(letter, "answering", spoken(2))
        expect_tools(letter)
        panes.pane(letter).get_by_text("Tool: search").click()
        expect(panes.pane(letter).get_by_text('{"query": "bark"}')).to_be_visible()
    panes.act("B", "Stop answer B").click()
    panes.expect("B", "stopped", spoken(2))
    for letter in "AC":
        stack.upstream.release(panes.tag(comparison, letter))
        panes.expect(letter, "completed", spoken(4))
    for _ in range(2):
        for letter in "ABC":
            expect_tools(letter)
        tab.page.reload()
    assert not any(name in tab.page.content() for name in NAMES)
    for run in runs_of(comparison):
        assert [tool["name"] for tool in check(run).message.tools] == ["search", "count"]


@pytest.mark.long  # each pane is stopped above; tests/compare/test_comparing.py
def test_stop_all_stops_what_has_not_begun(stack, tab, contenders):  # B44
    panes = Panes(tab.page, contenders(tokens=9, stall_after=4))
    comparison = panes.start(order="One after another")
    panes.expect("A", "answering", spoken(4))
    tab.page.keyboard.press("Escape")
    for letter in "ABC":
        panes.expect(letter, "stopped")
    first, *others = [check(run) for run in runs_of(comparison)]
    assert (first.message.content, first.reason) == (spoken(4), "user")
    assert [run.started_at for run in others] == [None, None]
    assert [len(stack.upstream.connections(panes.tag(comparison, letter))) for letter in "ABC"] == [1, 0, 0]


@pytest.mark.long  # tests/compare/test_pages.py posts its forms
def test_without_javascript_the_page_keeps_its_answers_going_and_stops_and_votes(
    stack, alice, contenders, open_window
):  # B42 B56
    window = open_window(stack, alice, java_script_enabled=False, viewport={"width": 320, "height": 640})
    panes = Panes(window.page, contenders(tokens=6, hold=[4]))
    comparison = panes.start()
    tags = {letter: panes.tag(comparison, letter) for letter in "ABC"}
    for tag in tags.values():
        stack.upstream.wait(tag, "tokens:4")
    expect(panes.text("A")).to_have_text(spoken(4), timeout=20_000)  # the page has loaded itself again
    seen = Run.objects.get(pk=runs_of(comparison)[2].pk).viewer_until
    wait_until(lambda: Run.objects.get(pk=runs_of(comparison)[2].pk).viewer_until > seen, "another load is a sign")
    panes.act("A", "Stop answer A").click()
    assert stack.upstream.wait(tags["A"], "closed")["ended"] == "closed by client"
    for letter in "BC":
        stack.upstream.release(tags[letter])
    a, b, c = (check(run) for run in runs_of(comparison))
    assert [run.status for run in (a, b, c)] == [Status.STOPPED, Status.COMPLETED, Status.COMPLETED]
    expect(panes.vote("Tie")).to_be_enabled(timeout=20_000)
    panes.vote("Tie").click()
    expect(panes.page.get_by_text("You called it a tie.")).to_be_visible()
    for pane in comparison.panes.all():
        expect(panes.pane(pane.letter)).to_contain_text(pane.contender)
    assert panes.page.locator("html").bounding_box()["width"] == 320


TOP_BLOCK = """(pane) => {
  window.watched = [...pane.querySelectorAll(".prose > *")].find((block) => block.getBoundingClientRect().bottom > 0);
  return watched.getBoundingClientRect().top;
}"""


@pytest.mark.long  # test_answers.py: what is read stays where it is
def test_what_is_read_in_a_pane_keeps_its_place_when_one_above_it_ends(stack, alice, contenders, open_window):
    """On a phone panes are below each other, and one that fails gets longer by a sentence and its buttons."""
    page = open_window(stack, alice, expected="409", viewport={"width": 375, "height": 600}).page
    panes = Panes(page, contenders(text=["A few words.\n\n"] * 40, hold=[40], error_after=40))
    comparison = panes.start()
    for letter in "ABC":
        expect(panes.text(letter).locator("p")).to_have_count(40)
    page.evaluate("document.body.style.overflowAnchor = 'none'")  # as in WebKit, which anchors nothing
    panes.text("B").locator("p").nth(20).evaluate("(block) => block.scrollIntoView()")
    top = panes.pane("B").evaluate(TOP_BLOCK)
    stack.upstream.release(panes.tag(comparison, "A"))
    panes.expect("A", "failed")
    expect(panes.act("A", "Another answer from A")).to_be_attached()
    assert page.evaluate("watched.isConnected && watched.getBoundingClientRect().top") == pytest.approx(top, abs=0.5)
    for letter in "BC":
        stack.upstream.release(panes.tag(comparison, letter))
        panes.expect(letter, "failed")
    for run in runs_of(comparison):
        check(run)


def complaints_of_axe(page) -> list[str]:
    """What axe finds, with the options of test_accessibility.py."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, { preload: false, resultTypes: ['violations'] })")
    return [f"{page.url}: {each['id']}: {each['nodes'][0]['html'][:200]}" for each in found["violations"]]


@pytest.mark.long  # test_accessibility.py has pages of each kind
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_axe_finds_nothing_and_nothing_is_cut_off_on_a_small_phone(stack, alice, contenders, open_window, scheme):
    window = open_window(stack, alice, color_scheme=scheme, viewport={"width": 320, "height": 640})
    page, panes = window.page, Panes(window.page, contenders(tokens=40, hold=[30]))
    found = []

    def look() -> None:
        found.extend(complaints_of_axe(page))
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            found.append(f"{page.url} is {width} px wide")

    page.goto("/compare")
    page.get_by_text("More models").click()
    page.get_by_role("main").get_by_text("Settings").first.click()
    look()
    comparison = panes.start()
    panes.expect("C", "answering", spoken(30))
    look()
    for tag in panes.tags.values():
        stack.upstream.release(tag)
    expect(panes.vote("Tie")).to_be_enabled()
    look()
    panes.vote("Answer A").click()
    expect(page.get_by_text("You chose A")).to_be_visible()
    look()
    for path in ("/compare/history", "/compare/scoreboard", f"/compare/{comparison.pk}/delete"):
        page.goto(path)
        look()
    assert not found, "\n".join(found)
