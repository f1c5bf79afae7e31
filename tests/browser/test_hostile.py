"""What a hostile model writes does nothing and freezes nothing, while it is written and after (B58)."""

import time

import pytest

from chatapp.chats.models import Message, MessageState, Role, Session
from runs.rendering.markdown import render
from tests.browser.scenes import speaking
from tests.browser.window import expect
from tests.harness.check import check

pytestmark = pytest.mark.browser

ENORMOUS = "10 MB of nested lists"
ANSWERS_WITHIN = 10  # s in which the page has to say something, on a machine that may be busy with other tests
HOSTILE = {
    ENORMOUS: {"text": ["- " * 500 + "x\n"] * 10_000, "per_write": 50},
    "lists that go deeper and deeper": {"text": ["  " * depth + "- x\n" for depth in range(500)]},
    "a line without end": {"text": ["x" * 10_000] * 60},
    "brackets and marks": {"text": ["[" * 1_000, "*_" * 1_000, "`" * 999, "$" * 1_001, "|" * 1_000] * 10},
    "quotes within quotes": {"text": ["> " * 3_000 + "x\n"]},
    "a row of pipes": {"text": ["|" * 1_000] * 100},
    "text that turns around": {"text": ["\u202e" * 100 + "abc\u2066\n", "e" + "\u0300" * 2_000, "\ufffd the end"]},
}
ALIKE = {"brackets and marks", "quotes within quotes", "a row of pipes"}  # test_bounds draws them in each run, too
STATES_AT_END = {*MessageState.values} - {MessageState.WAITING, MessageState.ANSWERING}
FRAME = "new Promise((done) => requestAnimationFrame(done))"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(ENORMOUS, marks=[pytest.mark.alone, pytest.mark.long]),
        *(pytest.param(name, marks=pytest.mark.long) for name in sorted(ALIKE)),
        *sorted(HOSTILE.keys() - ALIKE - {ENORMOUS}),
    ],
)
def test_the_page_goes_on_answering(stack, alice, open_window, name):
    tab = open_window(stack, alice, expected="could not be drawn").tab
    said = "".join(HOSTILE[name]["text"])
    with speaking(stack, alice.user.username, **HOSTILE[name]) as model:
        run = alice.send("Be nasty", model=model)
        tab.page.goto(f"/chats/{run.session_id}")
        slowest = 0.0
        answer = tab.answers.last
        while answer.get_attribute("data-state") not in STATES_AT_END or tab.answers.locator("[data-text]").count():
            begin = time.monotonic()
            tab.page.evaluate(FRAME)
            slowest = max(slowest, time.monotonic() - begin)
        assert check(run).message.content == said
    print(f"{name}: the slowest frame took {slowest:.2f} s")
    assert slowest < ANSWERS_WITHIN
    tab.field.fill("Still here")
    expect(tab.send_button).to_be_enabled()
    tab.page.reload()
    tab.page.evaluate(FRAME)  # the server's rendering stands there now
    assert tab.answer.locator("img, script, iframe, [onclick], [onerror], [style]").count() == 0


@pytest.mark.long  # test_interruptions.py reloads
def test_a_reload_while_it_is_written_crashes_nothing(stack, alice, open_window):
    """The page brings the text so far in one piece: `> ` three thousand times killed the tab each time (B58)."""
    text = ["> " * 3_000 + "x\n\n" + "|" * 50_000, " the end"]
    tab = open_window(stack, alice).tab
    with speaking(stack, alice.user.username, text=text, hold=[1]) as model:
        run = alice.send("Be nasty", model=model)
        stack.upstream.wait(alice.user.username, "tokens:1")
        tab.page.goto(f"/chats/{run.session_id}")
        expect(tab.answer).to_contain_text("|" * 1_000)
        tab.page.reload()
        expect(tab.answer).to_contain_text("|" * 1_000)
        expect(tab.stop_button).to_be_visible()
        stack.upstream.release(alice.user.username)
        tab.expect_state("complete")
        assert check(run).message.content == "".join(text)


ARABIC = "مرحبا wört " * 27_272  # 300,000 characters in one paragraph
QUESTION = "مرحبا question " * 6_600
LONG = {"answer as html": (ARABIC, True), "answer as plain text": (ARABIC, False), "emphasis": (f"*{ARABIC}x*", True)}
READ = """(selector) => {
  const element = document.querySelector(selector);
  const fold = document.querySelector(`${selector} + .fold`); // a long question shows its first lines only, at first
  if (fold) fold.open = true;
  getSelection().selectAllChildren(element);
  const height = element.getBoundingClientRect().height; // which lays it out
  return { height, text: element.textContent, copied: getSelection().toString() };
}"""


@pytest.mark.long  # tests/runs/test_rendering.py bounds the same HTML
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "answer as html" else pytest.mark.long) for name in LONG]
)
def test_a_paragraph_without_end_is_read_at_once_also_where_it_is_shared(stack, alice, open_window, name):
    """As one box, each view of it held the tab for minutes. What is selected is copied whole."""
    content, has_html = LONG[name]
    token = f"a-paragraph-{alice.user.username}-{len(name)}"
    session = Session.objects.create(owner=alice.user, title="Long", model="", share_token=token)
    asked = Message.objects.create(session=session, role=Role.USER, content=QUESTION)
    html = render(content) if has_html else ""
    answer = {"parent": asked, "role": Role.ASSISTANT, "content": content, "html": html}
    Session.objects.filter(pk=session.pk).update(tip=Message.objects.create(session=session, **answer))
    window = open_window(stack, alice)
    for path in (f"/chats/{session.pk}", f"/shared/{token}"):
        window.page.goto(path)
        window.page.reload()
        for selector, text in ((".prose", content), (".question__text", QUESTION)):
            read = window.page.evaluate(READ, selector)
            assert read["height"] > 1_000
            assert read["text"].strip() == text.strip()
            assert "".join(read["copied"].split()) == "".join(text.split())


@pytest.mark.long  # tests/web/test_sharing.py reads the page
def test_a_shared_page_has_no_button_that_does_nothing(stack, alice, open_window):
    session = Session.objects.create(owner=alice.user, title="Code", share_token=f"code-{alice.user.username}")
    code = {"content": "```\nx\n```", "html": render("```\nx\n```")}
    tip = Message.objects.create(session=session, role=Role.ASSISTANT, **code)
    Session.objects.filter(pk=session.pk).update(tip=tip)
    page = open_window(stack, alice).page
    page.goto(f"/chats/{session.pk}")
    expect(page.get_by_role("button", name="Copy").first).to_be_visible()
    page.goto(f"/shared/{session.share_token}")
    expect(page.locator("pre")).to_have_text("x\n")
    expect(page.get_by_role("button")).to_have_count(0)
