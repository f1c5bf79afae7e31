"""The form that sends: drafts, files, settings, keys."""

import pytest

from chatapp.chats.models import Message
from tests.browser.window import expect, last_run
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser


def test_a_draft_survives_a_crash_and_belongs_to_its_chat(stack, alice, open_window):
    window = open_window(stack, alice)
    tab = window.tab
    tab.page.goto("/")
    tab.field.fill("A thought for a new chat")
    wait_until(
        lambda: tab.page.evaluate("() => Object.values(localStorage).includes('A thought for a new chat')"),
        "the page has come so far",
    )
    tab.page.close(run_before_unload=False)
    tab = window.new_tab()
    tab.start(prompt(tokens=3))  # this one replaces the thought, and is sent
    tab.expect_state("complete")
    expect(tab.field).to_have_value("")
    chat = tab.page.url
    tab.field.fill("A thought for this chat")
    wait_until(
        lambda: tab.page.evaluate("() => Object.values(localStorage).includes('A thought for this chat')"),
        "the page has come so far",
    )
    tab.page.goto("/")
    expect(tab.field).to_have_value("")
    tab.page.goto(chat)
    expect(tab.field).to_have_value("A thought for this chat")
    tab.send(prompt(tokens=4))
    tab.expect_answer(spoken(4))
    tab.page.reload()
    expect(tab.field).to_have_value("")
    assert tab.page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('draft:'))") == []
    check(last_run(alice))


def test_files_are_chosen_removed_and_sent(stack, alice, open_window):
    tab = open_window(stack, alice, expected="415").tab
    tab.page.goto("/")
    files = [
        {"name": name, "mimeType": "text/plain", "buffer": f"The file {name}".encode()} for name in ("a.txt", "b.txt")
    ]
    tab.page.get_by_label("Attach files").set_input_files(files)
    chips = tab.page.get_by_role("list", name="Attached files").get_by_role("listitem")
    expect(chips).to_have_count(2)
    tab.page.get_by_role("button", name="Remove a.txt").click()
    expect(chips).to_have_count(1)
    tab.send(prompt("What does it say?", tokens=3))
    tab.wait_for_session()
    tab.expect_state("complete")
    tab.questions.last.locator("summary", has_text="b.txt").click()
    expect(tab.questions.last.get_by_text("The file b.txt", exact=True)).to_be_visible()
    drop(tab, "c.txt", "dropped")
    expect(chips).to_have_count(1)
    tab.send_button.click()
    expect(tab.questions).to_have_count(2)
    expect(chips).to_have_count(0)
    drop(tab, "d.bin", "\\u0000")
    expect(tab.page.get_by_role("alert")).to_contain_text("Files of this type can't be read.")
    tab.send("And this one?")
    expect(tab.page.get_by_role("button", name="Retry d.bin")).to_be_visible()
    expect(tab.field).to_have_value("And this one?")
    first, second = Message.objects.filter(session__owner=alice.user, role="user").order_by("id")
    assert first.content.startswith("What does it say?")
    assert list(first.attachments.values_list("name", "text")) == [("b.txt", "The file b.txt")]
    assert second.content == ""
    assert list(second.attachments.values_list("name", "text")) == [("c.txt", "dropped")]
    check(last_run(alice))


@pytest.mark.long  # files are removed above
def test_a_file_scrolls_in_itself_and_is_removed_from_a_question_that_is_edited(stack, alice, tab):
    tab.page.goto("/")
    line = "a line that is longer than any page is wide " * 20
    tab.page.get_by_label("Attach files").set_input_files(
        [{"name": "long.txt", "mimeType": "text/plain", "buffer": line.encode()}]
    )
    tab.send(prompt("What does it say?", tokens=3))
    tab.wait_for_session()
    tab.expect_state("complete")
    question = tab.questions.last
    question.locator("summary", has_text="long.txt").click()
    expect(question.get_by_text("a line that is longer")).to_be_visible()
    # It should not push the question over the edge.
    assert question.evaluate("(article) => article.scrollWidth <= article.parentElement.clientWidth")
    question.locator("summary", has_text="Edit").click()
    question.get_by_label("Remove long.txt").check()
    question.get_by_role("button", name="Save and send").click()
    expect(tab.questions.last.get_by_text("2/2")).to_be_visible()
    expect(tab.questions.last.locator(".file")).to_have_count(0)
    tab.expect_state("complete")
    first, second = Message.objects.filter(session__owner=alice.user, role="user").order_by("id")
    assert (first.content, first.attachments.count()) == (second.content, 1)
    assert not second.attachments.exists()
    check(last_run(alice))


def drop(tab, name: str, text: str) -> None:
    tab.page.evaluate(f"""() => {{
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["{text}"], "{name}", {{ type: "text/plain" }}));
        document.body.dispatchEvent(new DragEvent("drop", {{ dataTransfer, bubbles: true, cancelable: true }}));
    }}""")


@pytest.mark.long  # test_plain.py sets chats up
def test_a_chat_is_set_up_and_asks_so(stack, alice, tab):
    tab.page.goto("/")
    settings = tab.page.get_by_role("button", name="Model settings", exact=True)
    settings.click()
    tab.page.get_by_label("System prompt").fill("Answer in verse.")
    tab.page.keyboard.press("Escape")
    tab.send(prompt(tokens=3))
    tab.wait_for_session()
    tab.expect_state("complete")
    tab.page.get_by_role("button", name="Model settings, changed").click()
    expect(tab.page.get_by_label("System prompt")).to_have_value("Answer in verse.")
    tab.page.get_by_label("Temperature").fill("0.4")
    tab.page.get_by_role("button", name="Save for this chat").click()
    tab.expect_answer(spoken(3))
    session = check(last_run(alice)).session
    assert (session.system_prompt, session.temperature) == ("Answer in verse.", 0.4)


@pytest.mark.long  # test_keyboard.py presses Esc
def test_esc_stops_only_when_nothing_else_is_to_be_closed(stack, alice, tab):
    text = prompt(tokens=9, stall_after=4)
    tab.start(text)
    tab.expect_answer(spoken(4))
    tab.page.get_by_role("button", name="Chat menu").click()
    tab.page.keyboard.press("Escape")
    expect(tab.page.get_by_label("Title")).to_be_hidden()
    tab.expect_state("answering")
    tab.field.press("Escape")
    tab.expect_state("stopped")
    check(last_run(alice))


def test_a_slow_message_is_shown_at_once_and_an_edited_one_is_sent_after_a_lost_reply(stack, alice, open_window):
    window, held = open_window(stack, alice), []
    tab = window.tab
    tab.start(prompt(tokens=3))
    tab.expect_state("complete")
    tab.page.route("**/messages", lambda route: held.append(route))
    first, second = prompt("A slow mesage", tokens=4), prompt("A slow message", tokens=5)
    tab.send(first)
    expect(tab.questions.last).to_contain_text("A slow mesage")
    expect(tab.field).to_have_value("")
    expect(tab.questions.last).to_contain_text("Sending…")
    # It should arrive, and its reply be lost.
    held[0].fetch()
    held[0].abort("connectionreset")
    expect(tab.page.get_by_role("alert")).to_have_text("The server can’t be reached. Please try again.")
    expect(tab.field).to_have_value(first)
    tab.page.unroute_all(behavior="ignoreErrors")
    tab.send(second)
    expect(tab.questions).to_have_count(3)
    tab.expect_answer(spoken(5))
    tab.expect_state("complete")
    expect(tab.field).to_have_value("")
    asked = Message.objects.filter(session__owner=alice.user, role="user").order_by("id")
    assert [message.content for message in asked][1:] == [first, second]


@pytest.mark.long  # a rare moment
def test_a_chat_that_was_deleted_elsewhere_says_so_and_its_text_goes_to_a_new_one(stack, alice, open_window):  # B83
    window = open_window(stack, alice, expected="404")
    tab = window.tab
    tab.start(prompt(tokens=3))
    tab.expect_state("complete")
    chat = tab.page.url
    text = prompt("Half a thought", tokens=4)
    tab.field.fill(text)
    other = window.new_tab()
    other.page.goto(chat.partition("#")[0] + "/delete")
    other.page.get_by_role("button", name="Delete").click()
    expect(tab.page.get_by_role("alert")).to_have_text("This chat has been deleted. Continue in a new chat")
    expect(tab.field).to_have_value(text)
    tab.page.get_by_role("link", name="Continue in a new chat").click()
    expect(tab.page).to_have_url("/")
    expect(tab.field).to_have_value(text)
    tab.send_button.click()
    tab.wait_for_session()
    tab.expect_answer(spoken(4))
    check(last_run(alice))
