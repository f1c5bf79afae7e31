"""No box of text on a page holds more than a browser lays out at once, and every character is there (B58).

A paragraph of 300,000 Arabic letters froze a tab for minutes, at each view and also where it was shared.
"""

import re
from html import escape, unescape

import pytest

from runs.rendering.markdown import render, render_plain
from runs.rendering.stretches import ACCENT_WEIGHT, MAX_STRETCH, PIECE_CHARACTERS, stretched, stretches, weight_of

MOST = MAX_STRETCH + ACCENT_WEIGHT * PIECE_CHARACTERS  # of one box: the last piece may be nothing but accents
INLINE = re.compile(r"</?(?:a|br|code|em|s|strong|span class=\"(?:math|hl-)[^>]*)\b[^>]*>")
ARABIC = "مرحبا ﷺ wört " * 20_000
TEXTS = {
    "one line": ARABIC,
    "one word": "مرحبا" * 60_000,
    "lines": "مرحبا wört\n" * 20_000,
    "blank lines": "\n" * 100_000 + "wört",
    "accents": ("wört" + "\u0300" * 300) * 800,
    "accents on one letter": "wört" + "\u0300" * 200_000,
    "faces": "👩‍👩‍👧‍👦wört" * 20_000,
    "marks": "<b>&amp; wört" * 20_000,
    "letters": "x" * 300_000,
}
MARKDOWN = {
    "a paragraph": ARABIC,
    "a heading": f"# {ARABIC}",
    "a quote": f"> {ARABIC}",
    "an item": f"- {ARABIC}",
    "a task": f"- [ ] {ARABIC}",
    "a cell": f"|a|b|\n|-|-|\n|{ARABIC}|b|",
    "emphasis": f"*{ARABIC.strip()}*",
    "emphases in one": f"**{'*مرحبا* wört ' * 3_000}a**",
    "a link": f"[{ARABIC}](https://example.org)",
    "code in a line": f"`{ARABIC}`",
    "a formula": f"$${ARABIC}$$",
    "a formula in a line": f"so ${ARABIC.strip()}$",
    "lines": "مرحبا *wört*\n" * 9_000,
    "a block of code": f"```\n{ARABIC}\n```",
    "code of a language": "```python\n" + "# مرحبا wört\n" * 4_000 + "```",
    "links": "[wört](https://example.org) مرحبا " * 6_000,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_long_text_is_cut_where_a_browser_bears_it_and_nothing_is_lost(name):
    pieces = list(stretches(TEXTS[name]))
    assert "".join(pieces) == TEXTS[name]
    assert max(map(weight_of, pieces)) <= MOST
    html = stretched(TEXTS[name])
    assert text_of(html) == TEXTS[name]
    assert html.count('<span class="stretch">') == html.count("</span>") == len(pieces)


def test_a_line_and_a_word_stay_whole_where_they_can():
    assert {piece[-1] for piece in stretches("one line\n" * 5_000)} == {"\n"}
    assert {piece[-1] for piece in stretches("a word " * 5_000)} == {" "}


def test_accents_fill_a_box_four_times_as_fast_as_letters():
    assert max(map(len, stretches("a" + "\u0300" * 20_000))) <= MAX_STRETCH / ACCENT_WEIGHT + PIECE_CHARACTERS


@pytest.mark.parametrize("text", ["", 'a\n\nb <b> & "c"', "x" * MAX_STRETCH])
def test_a_text_that_is_not_long_has_no_boxes(text):
    assert stretched(text) == escape(text)


@pytest.mark.parametrize("name", MARKDOWN)
def test_what_comes_of_markdown_has_no_longer_text_in_one_box(name):
    html = render(MARKDOWN[name])
    assert max(weight_of(unescape(text)) for text in re.split("<[^>]+>", INLINE.sub("", html))) <= MOST
    assert html.count("wört") == MARKDOWN[name].count("wört")
    assert "style=" not in html


def test_the_marks_of_a_long_paragraph_are_drawn():
    html = render("**wört** and `code`\n" * 1_000)
    assert html.count("<strong>wört</strong>") == html.count("<code>code</code>") == 1_000
    assert html.startswith('<p><span class="stretch"><strong>')


def test_a_paragraph_as_people_write_them_has_no_boxes():
    assert "stretch" not in render("Some **strong** words, `code` and a [link](https://example.org). " * 60)


def test_code_in_letters_that_browsers_are_quick_with_stays_coloured():
    html = render("```python\n" + "x = 1  # é\n" * 1_200 + "```")
    assert html.count('<span class="hl-') >= 1_200
    assert html.count('<span class="stretch">') == 3


def test_an_answer_that_is_too_much_as_html_stands_in_stretches_too():
    assert render_plain(ARABIC) == f'<div class="prose--plain">{stretched(ARABIC)}</div>'
    assert 'class="stretch"' in render_plain(ARABIC)


def text_of(html: str) -> str:
    return unescape(re.sub("<[^>]+>", "", html))
