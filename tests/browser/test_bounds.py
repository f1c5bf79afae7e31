"""Whatever a model writes is drawn within bounds: of depth, of elements, of what one table or paragraph holds (B58).

Texts that froze or crashed a tab, and their like. Each has its words as often on the page as it was written with them.
"""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.window import expect
from tests.harness.processes import ROOT
from tests.runs.test_rendering import NOWHERE

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

MOST_ELEMENTS = 8_000  # of one answer: what is drawn, and the boxes of what is shown as it was written
DEEPEST = 90  # elements within elements
LONGEST_BOX = 21_000  # characters in which a browser looks for the ends of lines at once
SOURCES = ROOT / "deploy" / "browser" / "static"
WORD = re.compile("wört")
TEXTS = {
    "quotes within quotes": "> " * 3_000 + "wört\n",
    "quotes that grow": "".join(f"{'>' * depth} wört\n" for depth in range(600)),
    "lists that grow": "".join(f"{'  ' * depth}- wört\n" for depth in range(600)),
    "lists in one line": "- " * 3_000 + "wört\n",
    "stars": "* " * 50_000 + "wört\n",
    "numbers in one line": "1. " * 2_000 + "wört\n",
    "quotes and lists in turn": "> - " * 1_500 + "wört\n",
    "a row of pipes": "|" * 100_000 + "wört",
    "a wide table": "wört|" * 5_000 + "\n" + "-|" * 5_000 + "\n" + "wört|" * 5_000,
    "a long table": "|a|b|\n|-|-|\n" + "|wört|wört|\n" * 25_000,
    "towers of marks": "**_~~" * 10_000 + "wört",
    "marks that open": "*wört **wört _wört __wört ~~" * 5_000,
    "links": "[wört](https://example.org) " * 10_000,
    "brackets": "[" * 50_000 + "wört" + "]" * 50_000,
    "an address without end": "https://example.org/" + "wört" * 50_000,
    "a link without end": "[wört](https://example.org/" + "x" * 200_000,
    "items": "- wört\n" * 60_000,
    "numbered items": "1. wört\n" * 60_000,
    "tasks": "- [x] wört\n" * 40_000,
    "paragraphs": "wört\n\n" * 60_000,
    "lines": "wört\n" * 60_000,
    "headings": "# wört\n" * 60_000,
    "rules": "* * *\n" * 40_000 + "wört\n",
    "backticks": "`" * 50_000 + "wört",
    "code in a line": "`wört` " * 40_000,
    "boxes of code": "```x\nwört\n```\n" * 30_000,
    "one line of code": "```\n" + "wört" * 120_000,
    "indented code": "    wört\n" * 40_000,
    "dollars": "$" * 50_000 + "wört",
    "formulas": "$wört$ " * 40_000,
    "one word": "wört" * 120_000,
    "right to left": "مرحبا ﷺ wört " * 15_000,
    "accents": ("wört" + "\u0300" * 300) * 800,
    "accents on one letter": "wört" + "\u0300" * 200_000,
    "faces": "👩‍👩‍👧‍👦wört" * 20_000,
    "breaks": "<br>wört" * 40_000,
    "blank lines": "\n" * 100_000 + "wört\n",
    "blanks": " " * 100_000 + "wört\n",
    "tabs": "\t" * 5_000 + "wört\n",
}
MOST_CHARACTERS = {1: 2_000, 7: 10_000, 250: 30_000, 2_000: 1_000_000}  # of a text that arrives in pieces of that size
ALIKE = {  # whose like are drawn by lines in each run of the tests; these only at length
    "quotes that grow",
    "numbers in one line",
    "a long table",
    "brackets",
    "an address without end",
    "rules",
    "code in a line",
    "indented code",
    "blank lines",
    "lists in one line",
    "quotes and lists in turn",
    "marks that open",
    "a link without end",
    "numbered items",
    "tasks",
    "headings",
    "lines",
    "formulas",
    "accents",
    "tabs",
}
DRAW = """async ([text, size]) => {
  const { loadGrammar } = await import("/sources/chat/markdown_grammar.js");
  await loadGrammar();
  const { MarkdownWriter } = await import("/sources/chat/markdown_writer.js");
  document.querySelector("#drawn")?.remove();
  const element = document.createElement("div");
  element.id = "drawn";
  element.className = "prose";
  document.body.append(element);
  const drawing = new MarkdownWriter(element);
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  for (let at = 0, frames = 0; at < text.length; at += size) {
    drawing.write(text.slice(at, at + size));
    if (at / text.length > frames / 10) {
      frames += 1;
      await frame();
    }
  }
  drawing.finish();
  await frame();
  const all = [...element.querySelectorAll("*")];
  const level = (node) => { let n = 0; for (; node !== element; n += 1) node = node.parentElement; return n; };
  const own = (node) => [...node.childNodes].reduce((n, child) => n + (child.nodeType === 3 ? child.length : 0), 0);
  const cellsOf = (table) => table.querySelectorAll("td, th").length;
  return {
    text: element.textContent,
    elements: all.length,
    depth: Math.max(0, ...all.map(level)),
    longest: Math.max(...[element, ...all].map(own)),
    cells: Math.max(0, ...[...element.querySelectorAll("table")].map(cellsOf)),
  };
}"""


def source(url: str) -> Path:
    """The file of a module as it is written: stacks serve bundles."""
    return SOURCES / urlsplit(url).path.removeprefix("/sources/")


@pytest.fixture
def page(stack, open_window):
    page = open_window(stack, expected="could not be drawn").page
    page.route("**/sources/**", lambda route: route.fulfill(path=source(route.request.url)))
    page.goto("/login")
    return page


@pytest.mark.long  # an ordinary one is drawn below, one without an end in test_hostile.py
@pytest.mark.parametrize(
    ("size", "names"),
    [
        pytest.param(1, TEXTS, id="by characters", marks=pytest.mark.long),
        pytest.param(7, TEXTS, id="by words", marks=pytest.mark.long),
        pytest.param(250, TEXTS.keys() - ALIKE, id="by lines"),
        pytest.param(250, ALIKE, id="by lines, the others", marks=pytest.mark.long),
        pytest.param(2_000, TEXTS, id="at once", marks=pytest.mark.long),
    ],
)
def test_every_text_is_drawn_within_bounds_and_whole(page, size, names):
    for name in sorted(names):
        text = TEXTS[name][: MOST_CHARACTERS[size]]
        whole = f"{text}\n\nThe wört of the end\n\n.."
        drawn = page.evaluate(DRAW, [whole, size])
        assert drawn["elements"] <= MOST_ELEMENTS, name
        assert drawn["depth"] <= DEEPEST, name
        assert drawn["longest"] <= LONGEST_BOX, name
        assert drawn["cells"] <= 2_000, name
        assert words(drawn["text"]) == words(whole), name


@pytest.mark.long  # a rare size; an ordinary one is drawn below
def test_what_stands_stays_when_the_rest_is_too_much(page):
    ordinary = "# A heading\n\nSome **strong** words:\n\n- one\n- two\n\n"
    page.evaluate(DRAW, [ordinary + "> " * 3_000 + "the *rest*\n\n# as it was written", 2_000])
    drawn = page.locator("#drawn")
    expect(drawn.locator("h1")).to_have_text("A heading")
    expect(drawn.locator("strong")).to_have_text("strong")
    expect(drawn.locator("li")).to_have_count(2)
    expect(drawn.locator(":scope > .prose--plain")).to_contain_text("> > the *rest*\n\n# as it was written")
    marks = "(element) => element.textContent.split('>').length - 1 + element.querySelectorAll('blockquote').length"
    assert drawn.evaluate(marks) == 3_000  # also the one at which it was too much


def test_a_link_leads_to_another_site_or_nowhere_as_in_the_servers_html(page):  # B58
    """`https:/settings` is absolute to a parser of addresses, and an address of this site to a link on its pages."""
    for address in NOWHERE:
        page.evaluate(DRAW, [f"[the text]({address})\n\n..", 2_000])
        assert page.locator("#drawn").text_content().startswith("the text"), address
        assert page.locator("#drawn a[href]").count() == 0, address
    for address in ("https://example.org/x?y=1#z", "HTTP://example.org", "mailto:a@example.org"):
        page.evaluate(DRAW, [f"[the text]({address})\n\n..", 2_000])
        assert page.locator("#drawn a").get_attribute("href") == address


def test_an_ordinary_long_answer_is_drawn_to_its_end(page):
    section = (
        "## A heading\n\nA paragraph with **strong** words, `code` and a [link](https://example.org).\n\n"
        "1. one\n2. two\n   - deeper\n     - and deeper\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "```python\n" + "print('hello')\n" * 20 + "```\n\n> quoted\n\n"
    )
    page.evaluate(DRAW, [section * 120, 2_000])
    expect(page.locator("#drawn > .prose--plain")).to_have_count(0)
    expect(page.locator("#drawn table")).to_have_count(120)


def words(text: str) -> Counter:
    return Counter(WORD.findall(text))
