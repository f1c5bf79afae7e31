"""Chats that open in place: no page is loaded, and the address, the title, the list and the history are right."""

import re

import pytest

from chatapp.chats.models import Message, Preferences
from tests.browser.scenes import TITLES, House, long_session
from tests.browser.test_list import LOOK_AWAY, NOTED
from tests.browser.window import expect, last_run
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser

MARK = "window.isTheSamePage = true"
IS_SAME = "window.isTheSamePage === true"


def row(tab, title: str):
    return tab.page.get_by_role("navigation", name="Chats").get_by_role("link", name=title)


def cookies_of(person, window) -> list[dict]:
    return [{"name": name, "value": value, "url": window.url} for name, value in person.cookies.items()]


@pytest.mark.each_engine
def test_a_new_chat_opens_in_place_and_back_forward_and_reload_are_right(stack, alice, open_window):  # B22 B33
    tab, text = open_window(stack, alice).tab, prompt("Which tree is this?", tokens=20, hold=[5, 10, 15])
    tab.page.goto("/")
    tab.page.evaluate(MARK)
    tab.send(text)
    tab.wait_for_session()
    tab.expect_answer(spoken(5))
    assert tab.page.evaluate(IS_SAME)
    address = tab.page.url
    expect(tab.page).to_have_title(re.compile("Which tree is this"))
    expect(row(tab, "Which tree is this?")).to_have_attribute("aria-current", "page")
    expect(tab.field).to_be_focused()
    expect(tab.field).to_have_value("")
    expect(tab.stop_button).to_be_visible()

    # Back: an empty form. Forward: the chat, with what was written meanwhile, once
    tab.page.evaluate("history.back()")
    expect(tab.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    expect(tab.page).to_have_title("New chat – chatapp")
    expect(tab.field).to_have_value("")
    stack.upstream.release(text.tag)
    stack.upstream.wait(text.tag, "tokens:10")
    tab.page.evaluate("history.forward()")
    tab.expect_answer(spoken(10))
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(15))
    assert tab.page.evaluate(IS_SAME)

    # A reload is the chat's page, and Back from there is still the form
    tab.page.reload()
    assert tab.page.url == address
    tab.expect_answer(spoken(15))
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(20))
    tab.expect_state("complete")
    expect(tab.questions).to_have_count(1)
    tab.page.evaluate("history.back()")
    expect(tab.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    tab.send(prompt("And this one?", tokens=3))
    tab.expect_answer(spoken(3))
    tab.expect_state("complete")
    assert alice.user.chat_sessions.count() == 2
    check(last_run(alice))


def test_from_chat_to_chat_in_place_nothing_is_lost_or_shown_twice(stack, alice, open_window):  # B32 B34
    first, second, *_ = TITLES
    House(alice)
    tab, text = open_window(stack, alice).tab, prompt("Speak", tokens=9, hold=[3, 6])
    tab.page.goto("/")
    tab.page.evaluate(MARK)
    row(tab, first).click()
    expect(tab.page.get_by_role("heading", name=first)).to_be_visible()
    tab.send(text)
    tab.expect_answer(spoken(3))
    row(tab, second).click()
    expect(tab.page.get_by_role("heading", name=second)).to_be_visible()
    expect(row(tab, second)).to_have_attribute("aria-current", "page")
    expect(tab.answers).to_have_count(1)
    expect(tab.stop_button).to_be_hidden()
    tab.field.fill("Half a sentence")

    # What goes on elsewhere does not reach this chat; back there, it is all there
    stack.upstream.release(text.tag)
    stack.upstream.wait(text.tag, "tokens:6")
    row(tab, first).click()
    tab.expect_answer(spoken(6))
    expect(tab.stop_button).to_be_visible()
    stack.upstream.release(text.tag)
    tab.expect_answer(spoken(9))
    tab.expect_state("complete")
    expect(tab.answers).to_have_count(2)
    expect(tab.page).to_have_title(f"{first} – chatapp")
    check(last_run(alice))

    # By the browser's own way back, with what was typed
    tab.page.evaluate("history.back()")
    expect(tab.page.get_by_role("heading", name=second)).to_be_visible()
    expect(tab.field).to_have_value("Half a sentence")
    tab.send(prompt("Speak", tokens=4))
    tab.expect_answer(spoken(4))
    expect(tab.answers).to_have_count(2)
    assert tab.page.evaluate(IS_SAME)


@pytest.mark.long  # chats are left above; this is where one was in it
def test_a_chat_that_was_left_is_shown_where_its_reader_was(stack, alice, open_window):
    path = long_session(House(alice), 20, "Some words.\n\n" * 8)
    tab = open_window(stack, alice).tab
    tab.page.goto(path)
    tab.page.evaluate("scrollBy({ top: -700, behavior: 'instant' })")
    expect(tab.page.get_by_role("link", name="Jump to latest")).to_be_visible()
    before = tab.answers.nth(7).bounding_box()
    row(tab, TITLES[0]).evaluate("(link) => link.click()")  # playwright's may scroll to the link, and so the page
    expect(tab.page.get_by_role("heading", name=TITLES[0])).to_be_visible()
    tab.page.evaluate("history.back()")
    expect(tab.answers).to_have_count(10)
    wait_until(lambda: tab.page.evaluate("scrollY") > 0, "the page has come so far")
    moved = lambda: tab.answers.nth(7).bounding_box()["y"] - before["y"]  # noqa: E731
    wait_until(lambda: abs(moved()) <= 1, f"the reader is where she was, not {moved()} px further")


@pytest.mark.long  # chats open in place above, hits in test_search.py
def test_a_hit_of_a_search_opens_in_place_and_back_shows_the_results(alice, tab):  # B81
    chat = long_session(House(alice), messages=160, text="A paragraph of some length.")
    hit = Message.objects.filter(session=chat.rpartition("/")[2], content="Question 20").get()
    page = tab.page
    page.goto("/search")
    page.evaluate(MARK)
    search = page.get_by_role("navigation", name="Chats").get_by_label("Search chats")
    expect(search).to_be_hidden()
    page.get_by_role("main").get_by_label("Search chats").fill("question 20")
    page.get_by_role("main").get_by_role("link", name="A long session").click()
    article = page.locator(f"#m-{hit.pk}")
    expect(article).to_be_in_viewport()
    expect(article).to_be_focused()
    expect(article.locator("mark")).to_have_text(["Question", "20"])
    wait_until(lambda: 40 < article.bounding_box()["y"] < 400, "the hit is where it is read")
    assert page.evaluate("location.hash") == f"#m-{hit.pk}"
    expect(page).to_have_title("A long session – chatapp")
    expect(row(tab, "A long session")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("link", name="Skip to message field")).to_have_attribute("href", "#composer-text")
    expect(search).to_be_visible()

    # Back: the results, and what was searched for; nothing in the list is current
    page.evaluate("history.back()")
    expect(page.get_by_role("main").get_by_label("Search chats")).to_have_value("question 20")
    expect(page).to_have_title("Search – chatapp")
    expect(page.get_by_role("navigation", name="Chats").locator("[aria-current]")).to_have_count(0)
    expect(page.get_by_role("link", name="Skip to content")).to_have_attribute("href", "#page")
    page.evaluate("history.forward()")
    expect(article).to_be_in_viewport()
    tab.send(prompt("Speak", tokens=3))
    tab.expect_answer(spoken(3))
    assert page.evaluate(IS_SAME)
    check(last_run(alice))


@pytest.mark.long  # what else Back shows is above
def test_back_shows_the_results_of_a_search_where_they_were_left(alice, tab):  # B81
    House(alice)
    page = tab.page
    page.set_viewport_size({"width": 1280, "height": 320})
    page.goto("/search?q=question")
    page.evaluate("scrollTo({ top: 200, behavior: 'instant' })")
    before = page.evaluate("scrollY")
    assert before > 0
    hit = page.get_by_role("main").get_by_role("link", name=TITLES[0])
    hit.evaluate("(link) => link.click()")  # playwright's may scroll to the link
    expect(page.get_by_role("heading", name=TITLES[0])).to_be_visible()
    page.evaluate("history.back()")
    expect(page.get_by_role("heading", name="Search")).to_be_visible()
    wait_until(lambda: page.evaluate("scrollY") == before, "the results are where they were")


@pytest.mark.long  # a new chat does, above
def test_an_idea_to_begin_with_opens_in_place(tab):
    tab.page.goto("/")
    tab.page.evaluate(MARK)
    tab.page.get_by_role("link", name="Make a plan").click()
    expect(tab.field).to_have_value(re.compile("^Plan a day"))
    expect(tab.field).to_be_focused()
    assert "?text=" in tab.page.url
    tab.page.evaluate("history.back()")
    expect(tab.field).to_have_value("")
    assert tab.page.evaluate(IS_SAME)


@pytest.mark.long  # chats open in place above
def test_a_notification_opens_its_chat_in_place(stack, alice, open_window):
    Preferences.objects.create(user=alice.user, notifies=True)
    window = open_window(stack, alice)
    window.context.add_init_script(NOTED)
    page = window.page
    with page.expect_response("**/list?**"):  # its stream has begun: an earlier end would be no event to it
        page.goto("/")
    page.evaluate(LOOK_AWAY)
    page.evaluate("window.isTheSamePage = true")
    run = check(alice.send(prompt("Where do cranes go?", tokens=3)))
    wait_until(lambda: page.evaluate("window.latestNotification !== undefined"), "it has been noted")
    page.evaluate("latestNotification.onclick()")
    window.tab.expect_answer(spoken(3))
    assert page.url.endswith(f"/chats/{run.session_id}")
    assert page.evaluate("window.isTheSamePage")


def test_a_chat_that_was_kept_is_not_shown_after_a_log_out(stack, alice, open_window):  # B55
    House(alice)
    window = open_window(stack, alice, expected="401|403")
    tab = window.tab
    tab.page.goto("/")
    for title in TITLES[:2]:
        row(tab, title).click()
        expect(tab.page.get_by_role("heading", name=title)).to_be_visible()
    form = {"csrfmiddlewaretoken": window.cookie("csrftoken")}
    window.context.request.post("/logout", headers={"Origin": window.url}, form=form)  # in another tab
    row(tab, TITLES[0]).click()
    expect(tab.page.get_by_role("heading", name="Log in")).to_be_visible()


@pytest.mark.long  # each is a page as it was before chats opened in place
def test_what_cannot_open_in_place_is_loaded_as_a_page(stack, alice, open_window):  # B55
    window = open_window(stack, alice, expected="404")
    tab = window.tab
    tab.page.goto(long_session(House(alice), 2, "Some words."))
    tab.page.evaluate(MARK)
    # Another user has logged in, in another tab: nothing of theirs is shown beside alice's list
    bob = stack.person("bob")
    House(bob)
    window.context.add_cookies(cookies_of(bob, window))
    tab.page.get_by_role("link", name="New chat").click()
    expect(tab.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    assert not tab.page.evaluate(IS_SAME)
    window.context.add_cookies(cookies_of(alice, window))
    tab.page.reload()
    tab.page.evaluate(MARK)
    window.context.add_cookies(cookies_of(bob, window))
    row(tab, TITLES[0]).click()
    expect(tab.page.get_by_role("heading", name="Page not found")).to_be_visible()
    tab.page.goto("/archive")
    tab.page.evaluate(MARK)
    row(tab, TITLES[1]).click()
    expect(tab.page.get_by_role("heading", name=TITLES[1])).to_be_visible()
    assert not tab.page.evaluate(IS_SAME)
