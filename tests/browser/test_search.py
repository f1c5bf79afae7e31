"""From a hit of a search to its place in the chat, however far back it is."""

import pytest

from chatapp.chats.models import Message
from tests.browser.scenes import House, long_session
from tests.browser.window import expect, last_run
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser


@pytest.mark.each_engine
def test_a_hit_far_back_is_shown_marked_and_goes_on_in_both_directions(stack, alice, tab):  # B81
    chat = long_session(House(alice), messages=160, text="A paragraph of some length.")
    hit = Message.objects.filter(session=chat.rpartition("/")[2], content="Question 20").get()
    tab.page.goto("/search")
    tab.page.get_by_label("Search chats").last.fill("question 20")
    tab.page.get_by_role("main").get_by_role("link", name="A long session").click()
    article = tab.page.locator(f"#m-{hit.pk}")
    expect(article).to_be_in_viewport()
    expect(article).to_be_focused()
    expect(article.locator("mark")).to_have_text(["Question", "20"])
    top = article.evaluate("(element) => element.getBoundingClientRect().top")
    assert 40 < top < 400, top
    # More is loaded in both directions, and nothing moves.
    expect(tab.page.get_by_text("This was answer 79.")).to_have_count(0)
    tab.page.mouse.wheel(0, 40_000)
    wait_until(lambda: tab.questions.count() > 30, "later messages have come")
    expect(article).to_have_count(1)
    # What is sent here is answered at the end of the chat, where the page then is.
    tab.page.goto(f"{chat}?at={hit.pk}#m-{hit.pk}")
    text = prompt("A new question", tokens=3)
    tab.send(text)
    expect(tab.questions.last).to_contain_text("A new question")
    tab.expect_answer(spoken(3))
    expect(tab.page.get_by_text("Show later messages")).to_have_count(0)
    expect(tab.questions.nth(-2)).to_contain_text("Question 79")
    check(last_run(alice))


@pytest.mark.long  # a hit is reached above
def test_the_place_of_a_hit_is_kept_and_the_end_of_the_chat_is_one_click_away(stack, alice, tab):
    chat = long_session(House(alice), messages=160, text="A paragraph of some length.")
    hit = Message.objects.filter(session=chat.rpartition("/")[2], content="Question 20").get()
    tab.page.goto(f"{chat}?at={hit.pk}#m-{hit.pk}")
    expect(tab.page.locator(f"#m-{hit.pk}")).to_be_in_viewport()
    shown = tab.questions.count()
    with tab.page.expect_response(lambda response: "/messages?after=" in response.url):
        tab.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # the page asks what is new
    tab.page.evaluate("fetch(location.href).then((response) => response.text())")  # after that
    assert tab.questions.count() == shown
    tab.page.get_by_role("link", name="Jump to latest").click()
    expect(tab.page.get_by_text("This was answer 79.")).to_be_in_viewport()
