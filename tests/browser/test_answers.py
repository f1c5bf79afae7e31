"""What is done with answers and questions on the page: copied, written anew, edited, left and found again."""

import re

import pytest
from playwright.sync_api import expect

from runs.models import Model, Run
from tests.browser.scenes import House, long_session
from tests.browser.test_bounds import source
from tests.browser.window import last_run
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser

CLIPBOARD = "navigator.clipboard.readText()"


@pytest.mark.each_engine
def test_an_answer_and_its_code_are_copied_also_while_they_are_written(stack, alice, open_window):
    window = open_window(stack, alice, permissions=["clipboard-read", "clipboard-write"])
    tab = window.tab
    written = ["*Some* ", "text\n\n", "```python\n", "x = 1\n", "y = 2\n", "```\n\n", "The end."]
    text = prompt(text=written, hold=[5])
    tab.start(text)
    expect(tab.answer).to_contain_text("y = 2")
    for is_final in (False, True):
        tab.answer.get_by_role("button", name="Copy").click()
        expect(tab.answer.get_by_role("button", name="Copied")).to_be_visible()
        assert tab.page.evaluate(CLIPBOARD).strip() == "x = 1\ny = 2"
        tab.answers.last.locator("[data-copy]").click()
        expect(tab.answers.last.locator("[data-copy]")).to_have_text("Copied")
        assert tab.page.evaluate(CLIPBOARD) == "".join(written if is_final else written[:5])
        expect(tab.status).to_have_text("Copied")
        if not is_final:
            stack.upstream.release(text.tag)
            tab.expect_state("complete")
            expect(tab.answers.last.locator("[data-text]")).to_have_count(0)
    expect(tab.answer.get_by_text("python", exact=True)).to_be_visible()
    check(last_run(alice))


@pytest.mark.long  # an answer is copied above
def test_an_answer_without_text_leaves_the_clipboard_alone(stack, alice, open_window):
    tab = open_window(stack, alice, permissions=["clipboard-read", "clipboard-write"]).tab
    text = prompt(tokens=3, hold=[0])
    tab.start(text)
    stack.upstream.wait(text.tag, "started")
    tab.page.evaluate("navigator.clipboard.writeText('precious')")
    tab.answers.last.locator("[data-copy]").click()
    expect(tab.answers.last.locator("[data-copy]")).to_have_text("Nothing to copy")
    expect(tab.status).to_have_text("Nothing to copy")
    assert tab.page.evaluate(CLIPBOARD) == "precious"
    stack.upstream.release(text.tag)
    tab.expect_state("complete")
    check(last_run(alice))


WRITTEN = [
    "# One\n\nmy_config_file, $a_1$ &amp; https://example.org/x, **「太字」**です, a[^1], a<br>b\n\n",
    *("Two\n---\n\n1. in a list\n\n   ```python\n   x = 1  # code\n   ```\n2. [later]\n\n", "A paragraph.\n\n" * 40),
    *("| a | b |\n|--:|:-:|\n| 1 | 2<br>3 |\n\n", "- مرحبا\n- \u2067مرحبا\u2069\n\n> five\n"),
    "\n[^1]: the note\n\n[later]: https://later.example\n\n```js\nlet x = 2;\n```\n\nthe end.",
]
REMEMBER = """() => {
  const prose = document.querySelector(".answer .prose");
  window.article = document.querySelector(".answer");
  window.drawn = [...prose.children];
  window.topBlock = drawn.find((block) => block.getBoundingClientRect().bottom > 0);
  window.places = [topBlock.getBoundingClientRect().top];
  const note = () => window.places.push(topBlock.getBoundingClientRect().top);
  new MutationObserver(note).observe(document.querySelector("main"), { childList: true, subtree: true });
}"""
REPLACED = """() => {
  const now = [...document.querySelectorAll(".answer .prose > *")];
  const replaced = window.drawn.filter((block, index) => block !== now[index]);
  return replaced.map((block) => [block.outerHTML, now[window.drawn.indexOf(block)]?.outerHTML]);
}"""
KEEP_PLACE = """async () => {
  const { keepPlace } = await import("/sources/chat/keep_place.js");
  const [first] = document.querySelectorAll(".answer .prose > *");
  const top = topBlock.getBoundingClientRect().top;
  keepPlace(document.querySelector(".answer"), () => first.append(document.createElement("hr"), "and more"));
  return topBlock.getBoundingClientRect().top - top;
}"""


def test_what_was_drawn_is_the_final_html_and_stays_where_it_is(stack, alice, tab):  # B82
    """A reader in mid-page sees nothing move. Code has its colours before the end."""
    text = prompt(text=WRITTEN, hold=[5])
    tab.start(text)
    expect(tab.answer).to_contain_text("five")
    expect(tab.answer.locator("pre [class^=hl-]").first).to_be_attached()  # while it is written
    tab.page.mouse.wheel(0, -900)  # up, which ends following
    tab.page.wait_for_function("document.documentElement.scrollHeight - innerHeight - scrollY > 400")
    stack.upstream.release(text.tag)
    expect(tab.answer).to_contain_text("the end.")
    tab.page.evaluate(REMEMBER)
    tab.expect_state("complete")
    expect(tab.answers.last.locator("[data-text], [data-drawn]")).to_have_count(0)
    expect(tab.answer.locator("pre [class^=hl-]").first).to_be_attached()
    assert tab.page.evaluate(REPLACED) == []
    assert tab.page.evaluate("article.isConnected && article.dataset.state") == "complete"  # what is around it changed
    assert tab.page.evaluate("Math.max(...places) - Math.min(...places)") == 0
    tab.page.route("**/sources/**", lambda route: route.fulfill(path=source(route.request.url)))
    assert abs(tab.page.evaluate(KEEP_PLACE)) < 0.5
    for external in ("https://example.org/x", "https://later.example"):
        expect(tab.answer.locator(f'a[href="{external}"]')).to_have_attribute("target", "_blank")
    check(last_run(alice))


@pytest.mark.long  # test_branches.py edits, test_plain.py chooses versions
def test_a_question_is_edited_and_both_versions_stay(stack, alice, open_window):  # B40
    tab = open_window(stack, alice, expected="422").tab
    tab.start(prompt("First", tokens=3))
    tab.expect_state("complete")
    tab.page.evaluate("window.isTheSamePage = true")
    tab.questions.last.hover()
    tab.questions.last.locator("summary", has_text="Edit").click()
    field = tab.questions.last.get_by_label("Your message")
    expect(field).to_be_focused()
    field.fill(" ")
    tab.questions.last.get_by_role("button", name="Save and send").click()
    expect(tab.page.get_by_role("alert")).to_have_text("The message is empty.")
    field.fill(prompt("Second", tokens=5))
    tab.questions.last.get_by_role("button", name="Save and send").click()
    tab.expect_answer(spoken(5))
    tab.expect_state("complete")
    expect(tab.questions).to_have_count(1)
    expect(tab.questions.last.get_by_role("group", name="Versions")).to_contain_text("2/2")
    tab.questions.last.get_by_role("button", name="Previous version").click()
    tab.expect_answer(spoken(3))
    tab.page.reload()
    tab.expect_answer(spoken(3))
    tab.questions.last.get_by_role("button", name="Next version").click()
    tab.expect_answer(spoken(5))
    for run in Run.objects.visible_to(alice.user):
        check(run)


@pytest.mark.long  # test_models.py asks another, test_branches.py reads one version while the other is written
def test_another_model_writes_another_version_and_both_can_be_read_meanwhile(stack, alice, tab, open_window):
    default, tag = Model.objects.get(is_default=True), f"{alice.user.username}-other"
    tab.start("Hello")
    tab.expect_state("complete")
    speaks = stack.upstream.register(text=["Mine ", "too"], hold=[1], tag=tag)
    other = Model.objects.create(name="other", label="Other", provider=default.provider, upstream_id=speaks)
    try:
        tab.page.reload()
        tab.page.evaluate("window.isTheSamePage = true")
        tab.answers.last.get_by_role("link", name="Other model").click()
        tab.page.get_by_role("option", name="Other", exact=True).click()
        tab.expect_answer("Mine ")
        expect(tab.answers.last.get_by_role("heading")).to_have_text("Answer by Other")
        second = open_window(stack, alice).tab
        second.page.goto(tab.page.url)
        second.act("Previous version").click()
        second.expect_answer(spoken(20))
        expect(second.page.get_by_text("Another version is being written.")).to_be_visible()
        second.page.get_by_role("button", name="Show it").click()
        second.expect_answer("Mine ")
        second.act("Previous version").click()
        second.expect_answer(spoken(20))
        second.page.reload()
        expect(second.page.get_by_text("Another version is being written.")).to_be_visible()
        stack.upstream.release(tag)
        expect(second.page.get_by_text("Another version is being written.")).to_be_hidden()
        second.expect_answer(spoken(20))
        second.act("Next version").click()
        second.expect_answer("Mine too")
        assert check(last_run(alice)).model == other
    finally:
        other.delete()


def test_tools_are_told_while_they_are_asked_for_and_stay(stack, alice, tab):
    tools = [
        {"id": "a", "name": "search", "arguments": '{"query": "rain"}'},
        {"id": "b", "name": "count", "arguments": "{}"},
    ]
    text = prompt(tools=tools, tokens=4, hold=[2])
    tab.start(text)
    tab.expect_answer(spoken(2))
    for step in range(3):
        expect(tab.answers.last.locator("[data-tool]")).to_have_count(2)
        expect(tab.answers.last.get_by_text("Tool: search")).to_be_visible()
        if step == 0:
            tab.page.reload()
            tab.expect_answer(spoken(2))
            tab.answers.last.get_by_text("Tool: search").click()
            expect(tab.answers.last.get_by_text('{"query": "rain"}')).to_be_visible()
        elif step == 1:
            stack.upstream.release(text.tag)
            tab.expect_state("complete")
            expect(tab.answers.last.locator("[data-text]")).to_have_count(0)
    assert check(last_run(alice)).message.tools[0]["arguments"] == '{"query": "rain"}'


def test_what_came_before_appears_when_the_reader_gets_there_and_nothing_moves(stack, alice, tab):  # B81
    path = long_session(House(alice), 120, "A few lines.\n\n" * 4)
    tab.page.goto(path)
    expect(tab.answers.last).to_be_in_viewport()
    expect(tab.questions).to_have_count(20)
    expect(tab.page.get_by_role("link", name="Jump to latest")).to_be_hidden()
    mark = question(tab, 42)
    mark.evaluate("(node) => node.scrollIntoView({ block: 'center', behavior: 'instant' })")
    expect(tab.questions).to_have_count(40)
    expect(mark).to_be_in_viewport()
    latest = tab.page.get_by_role("link", name="Jump to latest")
    latest.click()
    expect(tab.answers.last).to_be_in_viewport()
    expect(latest).to_be_hidden()
    question(tab, 21).evaluate("(node) => node.scrollIntoView()")
    expect(tab.questions).to_have_count(60)
    expect(tab.page.locator("[data-earlier]")).to_have_count(0)
    text = prompt("New", tokens=4)  # the page is the same with all of them there
    tab.send(text)
    tab.expect_answer(spoken(4))
    tab.expect_state("complete")
    expect(tab.questions).to_have_count(61)
    check(last_run(alice))


def question(tab, number: int):
    return tab.page.locator(".question__text").filter(has_text=re.compile(rf"^Question {number}$"))
