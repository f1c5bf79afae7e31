"""The list of chats in the browser: live in every tab, and what tells of an end while one looks elsewhere."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from chatapp.chats.models import Preferences, Session
from runs.models import Run
from tests.browser.window import PATIENCE, expect, last_run
from tests.harness.check import check, wait_for_end
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser

# What the browser would show, noted where all tabs can read it.
NOTED = """
window.Notification = class extends EventTarget {
  static permission = "granted";
  static requestPermission = async () => "granted";
  constructor(title, options) {
    super();
    const key = `noted ${Math.random()}`;
    localStorage.setItem(key, JSON.stringify([title, options.body, options.tag]));
    window.latestNotification = this;
  }
  close() {}
};
if (navigator.locks) {  // about:blank has none
  const request = navigator.locks.request.bind(navigator.locks);
  window.requestedLocks = [];
  navigator.locks.request = (name, ...rest) => {
    requestedLocks.push(name);
    return request(name, ...rest);
  };
}
"""
ALL_NOTED = """() => Object.keys(localStorage).filter((key) => key.startsWith("noted"))
  .map((key) => JSON.parse(localStorage[key]))"""
LOCKS_DECIDED = """async () => {
  await navigator.locks.query();  // behind the tab's request for its lock,
  await navigator.locks.query();  // and behind its question whether any tab is looked at
}"""
LOCKS_HELD = "async () => (await navigator.locks.query()).held.length"  # one by a tab that is looked at
LOOK_AWAY = """() => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
  document.hasFocus = () => false;
  document.dispatchEvent(new Event("visibilitychange"));
}"""
LOOK_BACK = """() => {
  delete document.hidden;
  delete document.hasFocus;
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def row(tab, words: str):
    return tab.page.get_by_role("navigation", name="Chats").get_by_role("listitem").filter(has_text=words)


def title(person, words: str) -> None:
    Session.objects.filter(pk=last_run(person).session_id).update(title=words)


def test_a_row_tells_in_every_tab_what_goes_on(stack, alice, open_window):  # B32
    window = open_window(stack, alice)
    working, looking = window.tab, window.new_tab()
    looking.page.goto("/")
    expect(looking.page.get_by_text("Your chats will appear here.")).to_be_visible()
    text = prompt("Ducks", tokens=6, hold=[3])
    working.start(text)
    working.expect_answer(spoken(3))
    expect(row(looking, "Ducks").get_by_text("Answering")).to_be_visible(timeout=PATIENCE)  # without a reload
    elsewhere = open_window(stack, alice).tab  # another device
    elsewhere.page.goto("/")
    expect(row(elsewhere, "Ducks").get_by_text("Answering")).to_be_visible()
    working.page.goto("/archive")
    stack.upstream.release(text.tag)
    for tab in (working, looking, elsewhere):
        expect(row(tab, "Ducks").get_by_text("New", exact=True)).to_be_visible(timeout=PATIENCE)
    row(looking, "Ducks").get_by_role("link").click()
    looking.expect_answer(spoken(6))
    for tab in (working, looking, elsewhere):
        expect(row(tab, "Ducks").get_by_text("New", exact=True)).to_have_count(0, timeout=PATIENCE)
    check(last_run(alice))


@pytest.mark.long  # two replies that cross: a rare moment
def test_a_list_that_was_on_its_way_does_not_bring_back_what_is_over(stack, alice, tab):  # B32
    session = check(alice.send(prompt("Ducks", tokens=2))).session
    with tab.page.expect_response("**/list?**"):
        tab.page.goto("/")
    news = row(tab, "Ducks").get_by_text("New", exact=True)
    expect(news).to_be_visible()
    held = []

    def hold(route) -> None:
        held.append((route, None if held else route.fetch()))
        if len(held) > 1:
            route.continue_()

    tab.page.route("**/list?**", hold)
    alice.api("POST", "/sessions", {})
    wait_until(lambda: tab.page.evaluate("true") and held, "the list is held")  # the handler runs while we ask the page
    expect(news).to_be_visible()
    alice.api("POST", f"/sessions/{session.pk}/seen")
    expect(news).to_have_count(0, timeout=PATIENCE)
    with tab.page.expect_request("**/list?**"):  # once more, for what it has heard meanwhile
        held[0][0].fulfill(response=held[0][1])
    expect(news).to_have_count(0, timeout=PATIENCE)


@pytest.mark.long  # tests/web/test_list.py says what is news
def test_an_answer_seen_while_it_ends_is_no_news(stack, alice, tab):
    text = prompt("Geese", tokens=6, hold=[3])
    tab.start(text)
    tab.expect_answer(spoken(3))
    stack.upstream.release(text.tag)
    tab.expect_state("complete")
    run = check(last_run(alice))
    wait_until(lambda: Session.objects.get(pk=run.session_id).news == "", "it was seen")
    expect(row(tab, "Geese").get_by_text("New", exact=True)).to_have_count(0)


@pytest.mark.long  # a row tells in every tab, above
def test_news_that_came_before_the_page_listened_are_seen_too(stack, alice, tab):
    """An answer ended between the page's text and its socket, and stayed new in the list of the page that showed it."""
    run = check(alice.send(prompt("Gulls", tokens=3)))
    session, told = Session.objects.filter(pk=run.session_id), []

    def end_now(route) -> None:
        told.append(session.update(news="unread"))
        route.continue_()

    tab.page.route("**/list?*", end_now, times=1)
    with tab.page.expect_response("**/seen"):
        tab.page.goto(f"/chats/{run.session_id}")
    assert (told, session.get().news) == ([1], "")


@pytest.mark.long  # a row tells in every tab, above
def test_a_failure_elsewhere_is_told_in_the_list(stack, alice, tab):
    tab.page.goto("/")
    alice.send(prompt("Swans", tokens=9, close_after=2))
    expect(row(tab, "Swans").get_by_text("Failed")).to_be_visible(timeout=PATIENCE)
    check(last_run(alice))


def test_what_another_tab_sends_is_shown_in_the_same_chat_at_once(stack, alice, open_window):
    window = open_window(stack, alice)
    first, second = window.tab, window.new_tab()
    first.start(prompt(tokens=3))
    first.expect_state("complete")
    second.page.goto(first.page.url)
    second.expect_state("complete")
    text = prompt("More", tokens=6, hold=[2])
    first.send(text)
    second.expect_answer(spoken(2))
    stack.upstream.release(text.tag)
    second.expect_answer(spoken(6))
    check(last_run(alice))


@pytest.mark.long  # tests/web/test_list.py has the pages of the list
def test_older_chats_come_as_one_scrolls_and_a_change_keeps_them(stack, alice, tab):
    Session.objects.bulk_create([Session(owner=alice.user, title=f"Chat {number:03}") for number in range(120)])
    tab.page.goto("/")
    rows = tab.page.locator("#sidebar [data-session]")
    expect(rows).to_have_count(50)
    for count in (100, 120):
        tab.page.locator("[data-scroller]").evaluate("list => list.scrollTo(0, list.scrollHeight)")
        expect(rows).to_have_count(count)
    expect(tab.page.get_by_role("heading", name="Today")).to_have_count(1)
    alice.send(prompt("The newest", tokens=3))
    expect(row(tab, "The newest").get_by_text("New", exact=True)).to_be_visible(timeout=PATIENCE)
    wait_until(lambda: rows.count() >= 120, "all rows are there again")  # at its end the list may go on by itself
    check(last_run(alice))


@pytest.mark.long  # test_accessibility.py looks at each page's width
@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.long), 375])
def test_the_list_scrolls_and_what_stands_around_it_stays(stack, alice, open_window, width):
    """With thirteen chats, settings and log-out were below the screen."""
    Session.objects.bulk_create([Session(owner=alice.user, title=f"Chat {number:03}") for number in range(40)])
    page = open_window(stack, alice, viewport={"width": width, "height": 700}).page
    page.goto("/")
    if width == 375:
        page.get_by_role("button", name="Chats").click()
    sidebar = page.get_by_role("navigation", name="Chats")
    around = [sidebar.get_by_role("link", name=name, exact=True) for name in ("New chat", "Compare", "Archive")]
    around.append(sidebar.get_by_role("button", name="Account menu"))
    first, last = (sidebar.get_by_role("link", name=f"Chat {number:03}") for number in (39, 0))
    expect(first).to_be_in_viewport()
    for element in around:
        expect(element).to_be_in_viewport(ratio=1)
    last.scroll_into_view_if_needed()
    expect(first).not_to_be_in_viewport()
    for element in around:
        expect(element).to_be_in_viewport(ratio=1)
    around[-1].click()
    expect(sidebar.get_by_role("link", name="Settings")).to_be_in_viewport(ratio=1)
    expect(sidebar.get_by_role("button", name="Log out")).to_be_in_viewport(ratio=1)


@pytest.mark.long  # a row tells the same in every tab, above
def test_the_title_counts_what_ended_while_one_looked_away(stack, alice, tab):
    text = prompt("Herons", tokens=6, hold=[3])
    tab.start(text)
    tab.expect_answer(spoken(3))
    tab.page.evaluate(LOOK_AWAY)
    stack.upstream.release(text.tag)
    expect(tab.page).to_have_title(re.compile(r"^\(1\) "), timeout=PATIENCE)
    run = check(last_run(alice))
    assert Session.objects.get(pk=run.session_id).news == "unread"
    tab.page.evaluate(LOOK_BACK)
    expect(tab.page).to_have_title(re.compile(r"^Herons"))
    wait_until(lambda: Session.objects.get(pk=run.session_id).news == "", "it was seen")


def test_many_tabs_give_one_notification_and_none_while_one_is_looked_at(stack, alice, open_window):
    Preferences.objects.create(user=alice.user, notifies=True)
    window = open_window(stack, alice)
    window.context.add_init_script(NOTED)
    tabs = [window.tab, window.new_tab(), window.new_tab()]
    for tab in tabs:
        tab.page.goto("/")
        expect(tab.field).to_be_visible()
    for tab in tabs[1:]:
        tab.page.evaluate(LOOK_AWAY)
    tabs[0].page.bring_to_front()
    wait_until(lambda: tabs[0].page.evaluate(LOCKS_HELD) == 1, "one tab is looked at")
    say = prompt("Owls", tokens=3, hold=[1])
    seen = alice.send(say)
    for tab in tabs:  # an answer that ended before they listen would be no event to them
        expect(row(tab, "Owls").get_by_text("Answering")).to_be_visible(timeout=PATIENCE)
    stack.upstream.release(say.tag)
    check(seen)
    for tab in tabs[1:]:
        expect(tab.page).to_have_title(re.compile(r"^\(1\) "), timeout=PATIENCE)
    for tab in tabs:  # the row says "New" as soon as the list is loaded, which may be before the tab hears of the end
        expect(row(tab, "Owls").get_by_text("New", exact=True)).to_be_visible(timeout=PATIENCE)
        hears = f"requestedLocks.some((name) => name.endsWith({str(seen.pk)!r}))"
        wait_until(lambda page=tab.page, hears=hears: page.evaluate(hears), "the tab hears of the end")
        tab.page.evaluate(LOCKS_DECIDED)
    wait_until(lambda: tabs[0].page.evaluate(LOCKS_HELD) == 1, "all tabs have done with the end")
    assert tabs[0].page.evaluate(ALL_NOTED) == []
    tabs[0].page.evaluate(LOOK_AWAY)
    unseen = alice.send(prompt("Storks", tokens=3))
    check(unseen)
    for tab in tabs:
        expect(tab.page).to_have_title(re.compile(r"^\(\d\) "), timeout=PATIENCE)
    wait_until(lambda: tabs[0].page.evaluate(f"({ALL_NOTED})().length > 0"), "the page has come so far")
    [(what, _, tag)] = tabs[0].page.evaluate(ALL_NOTED)
    assert (what, tag) == ("Your answer is ready", str(unseen.pk))


@pytest.mark.long  # many tabs notify above
def test_a_notification_calls_the_chat_by_the_title_it_gets(stack, alice, open_window):
    Preferences.objects.create(user=alice.user, notifies=True)
    window = open_window(stack, alice)
    window.context.add_init_script(NOTED)
    page = window.page
    with page.expect_response("**/list?**"):  # its stream has begun: an earlier end would be no event to it
        page.goto("/")
    page.evaluate(LOOK_AWAY)
    run = check(alice.send(prompt("Where do cranes go?", tokens=3)))
    wait_until(lambda: page.evaluate(f"({ALL_NOTED})().length === 1"), "the page has come so far")
    [(_, body, tag)] = page.evaluate(ALL_NOTED)
    assert body.startswith("Where do cranes go?")  # the chat was new to this page, and has no title yet
    title(alice, "The winter of the cranes")
    alice.page("POST", f"/chats/{run.session_id}/seen", {})  # tells how the chat stands
    wait_until(lambda: page.evaluate(f"({ALL_NOTED})().length === 2"), "the page has come so far")
    assert [tag, "The winter of the cranes"] in [[tag, body] for _, body, tag in page.evaluate(ALL_NOTED)]


@pytest.mark.long  # tests/web/test_zone.py
def test_days_are_those_of_the_reader_without_a_reload(stack, alice, open_window):
    session = Session.objects.create(owner=alice.user, title="Half a day ago")
    then = timezone.now() - timedelta(hours=12)
    Session.objects.filter(pk=session.pk).update(active_at=then)
    here, there = ("Today", "Yesterday") if then.date() == timezone.now().date() else ("Yesterday", "Today")
    plain = open_window(stack, alice, java_script_enabled=False, timezone_id="Etc/GMT-12").page
    plain.goto("/")
    expect(plain.get_by_role("navigation").get_by_role("heading", name=here)).to_be_visible()
    page = open_window(stack, alice, timezone_id="Etc/GMT-12").page  # twelve hours ahead of the site
    page.goto("/")
    expect(page.get_by_role("navigation").get_by_role("heading", name=there)).to_be_visible(timeout=PATIENCE)
    page.goto("/archive")
    expect(page.get_by_role("navigation").get_by_role("heading", name=there)).to_be_visible()


@pytest.mark.long  # many tabs notify above
def test_the_permission_is_asked_for_when_notifications_are_switched_on(stack, alice, open_window):
    window = open_window(stack, alice)
    window.context.add_init_script(NOTED.replace('"granted";', '"default";').replace("=> ", "=> window.answer ?? ", 1))
    tab = window.tab
    tab.page.goto("/settings")
    tab.page.evaluate("window.answer = 'denied'")
    box = tab.page.get_by_label("Notify me when an answer is ready")
    box.check()
    tab.page.get_by_role("button", name="Save").click()
    expect(tab.page.get_by_text("Your browser blocks notifications")).to_be_visible()
    expect(box).not_to_be_checked()
    tab.page.evaluate("window.answer = 'granted'; Notification.permission = 'granted'")
    box.check()
    tab.page.get_by_role("button", name="Save").click()
    expect(tab.page.get_by_text("Saved.")).to_be_visible()
    assert Preferences.objects.get(user=alice.user).notifies


@pytest.mark.long  # test_keyboard.py and test_search.py search
def test_search_finds_as_one_types_and_leads_to_the_place(stack, alice, tab):
    run = wait_for_end(alice.send(prompt("Where do kingfishers live?", tokens=3)))
    wait_for_end(alice.send(prompt("Something else", tokens=3)))
    tab.page.goto("/")
    tab.page.get_by_role("searchbox", name="Search chats").fill("kingf")
    tab.page.get_by_role("searchbox", name="Search chats").press("Enter")
    hits = tab.page.get_by_role("main").get_by_role("listitem")
    expect(hits).to_have_count(1)
    field = tab.page.get_by_role("main").get_by_role("searchbox")
    field.fill("spoken of by nobody")
    expect(tab.page.get_by_text("No results for")).to_be_visible()
    field.fill("kingfishers")
    expect(hits).to_have_count(1)
    hits.get_by_role("link").click()
    tab.page.wait_for_url(re.compile(rf"/chats/{run.session_id}\?at=.*#m-"))
    expect(tab.questions.first).to_be_in_viewport()


@pytest.mark.long  # test_plain.py goes without, tests/web post its forms
def test_the_list_works_without_javascript(stack, alice, open_window):  # B56
    Session.objects.bulk_create([Session(owner=alice.user, title=f"Chat {number:03}") for number in range(60)])
    tab = open_window(stack, alice, java_script_enabled=False).tab
    tab.page.goto("/")
    rows = tab.page.locator("#sidebar [data-session]")
    expect(rows).to_have_count(50)
    tab.page.get_by_role("link", name="Older", exact=True).click()
    expect(rows).to_have_count(10)
    rows.first.get_by_role("link").click()
    name = tab.page.get_by_role("heading", level=1).text_content()
    for act, undo in (("Pin", "Unpin"), ("Archive", "Unarchive")):
        tab.page.get_by_role("button", name="Chat menu").click()
        tab.page.get_by_role("button", name=act).click()
        tab.page.get_by_role("button", name="Chat menu").click()
        expect(tab.page.get_by_role("button", name=undo)).to_be_visible()
        tab.page.reload()
    tab.page.get_by_role("button", name="Chat menu").click()
    tab.page.get_by_role("link", name="Share…").click()
    tab.page.get_by_role("button", name="Create link").click()
    link = tab.page.get_by_label("Link").input_value()
    nobody = open_window(stack, None, java_script_enabled=False).tab
    nobody.page.goto(link)
    expect(nobody.page.get_by_role("heading", name=name)).to_be_visible()
    tab.page.goto("/archive")
    tab.page.get_by_role("button", name=re.compile("Unarchive")).click()
    expect(tab.page.get_by_text("No archived chats.")).to_be_visible()
    assert not Run.objects.visible_to(alice.user).exists()


@pytest.mark.long  # tests/web/test_managing.py posts its forms
def test_a_row_s_menu_renames_pins_and_archives(stack, alice, tab):
    herons, _ = (Session.objects.create(owner=alice.user, title=title) for title in ("Herons", "Storks"))
    page = tab.page
    page.goto("/")
    sidebar = page.get_by_role("navigation", name="Chats")

    def choose(name: str) -> None:
        row(tab, "Herons").hover()
        sidebar.get_by_role("button", name="Menu for Herons").click()
        sidebar.get_by_role("button", name=name, exact=True).click()

    choose("Rename")
    page.keyboard.type("Never mind")
    page.keyboard.press("Escape")
    expect(row(tab, "Herons")).to_be_visible()
    choose("Rename")
    page.keyboard.type("Herons of the Rhine")
    page.keyboard.press("Enter")
    expect(row(tab, "Herons of the Rhine")).to_be_visible()
    wait_until(lambda: Session.objects.get(pk=herons.pk).title == "Herons of the Rhine", "it was saved")
    choose("Pin")
    expect(page.get_by_role("heading", name="Pinned")).to_be_visible()
    choose("Unpin")
    expect(page.get_by_role("heading", name="Pinned")).to_have_count(0)
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_role("button", name="Chats", exact=True).click()
    row(tab, "Herons").get_by_role("button").click()
    menu = page.locator("#row-menu").bounding_box()
    assert menu["x"] >= 0 and menu["x"] + menu["width"] <= 360
    page.keyboard.press("Escape")
    choose("Archive")
    expect(row(tab, "Herons")).to_have_count(0)
    expect(row(tab, "Storks")).to_be_visible()
    assert Session.objects.get(pk=herons.pk).archived_at is not None
