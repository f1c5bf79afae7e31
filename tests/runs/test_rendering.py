"""Markdown becomes safe HTML in bounded time (B58)."""

import re

import pytest

from runs.rendering import highlighting, markdown
from runs.rendering.markdown import MAX_HTML_CHARACTERS, MAX_SHOWN_CHARACTERS, render, render_plain
from tests.harness.work import counted

RENDER_SECONDS = 0.2  # s of work in which these tests want an answer, so that they end soon
SLACK_SECONDS = 8.0  # s of work for what comes before and after the parser: some calls for each of 500,000 characters


def test_code_stands_under_its_language_with_a_button_to_copy_it():
    html = render("```python title=x\nx = 1 < 2\n```")
    assert '<div class="code__bar"><span>python</span><button' in html
    assert 'data-copy-code=""' in html
    assert '<span class="hl-o">=</span>' in html
    assert "&lt;" in html


def test_code_of_an_unknown_language_or_none_is_shown_as_it_is():
    assert "<code>a &lt; b\n</code>" in render("```klingon\na < b\n```")
    assert "<code>a &lt; b\n</code>" in render("    a < b")


def test_tables_and_tasks():
    html = render("| a | b |\n|---|--:|\n| 1 | 2 |\n\n- [x] done\n- [ ] to do")
    assert '<td>1</td>\n<td class="right">2</td>' in html
    assert '<div class="table" tabindex="0"><table dir="auto">' in html
    assert html.count('<input type="checkbox" disabled=""') == html.count('aria-label="Task"') == 2


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (r"$a_1 * b_2 * c$", '<span class="math">$a_1 * b_2 * c$</span>'),
        (r"$$\frac{a_1}{b_1} \\ x$$", r'<div class="math">$$\frac{a_1}{b_1} \\ x$$</div>'),
        (r"so \(a_1 < b_2\) is", '<span class="math">$a_1 &lt; b_2$</span>'),
        (r"so \[a_1 \\ b_2\] is", r'<span class="math">$$a_1 \\ b_2$$</span>'),
        (r"from $5 to $10", "from $5 to $10"),
        (r"half of \(it", "half of (it"),
    ],
)
def test_formulas_are_left_as_they_were_written(written, shown):
    assert shown in render(written)


def test_text_that_would_read_otherwise_than_it_is_gets_a_mark():
    html = render(
        "user\u202e \u202b// admin\n\n```\nif x:\u2067\n```\n\n`a\u2066` $b\u2069$ [c](https://d.example 'e\u2068')"
    )
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", html)
    assert html.count("\ufffd") == 6
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", render_plain("a\u2066b\u202ec"))


def test_prose_from_right_to_left_keeps_its_isolates():
    assert "abc \u2067مرحبا\u2069 def" in render("abc \u2067مرحبا\u2069 def")
    assert '<ul dir="auto">' in render("- مرحبا")


def test_bold_text_beside_cjk_punctuation_is_bold():
    assert "<strong>「太字」</strong>です" in render("**「太字」**です")
    assert "<strong>強調：</strong>文字" in render("**強調：**文字")
    assert "<strong>" not in render("x**(a)**b")  # as in CommonMark


def test_a_break_in_a_cell_is_one():
    assert "<td>a<br>\nb</td>" in render("|x|\n|-|\n|a<br/>b|")


def test_a_bare_link_is_one_without_the_punctuation_after_it():
    html = render(
        "See https://example.org/a_b(c)_d. And (https://example.org/e), **https://example.org/f**、`https://g`"
    )
    assert re.findall('href="([^"]+)"', html) == [f"https://example.org/{path}" for path in ("a_b(c)_d", "e", "f")]


def test_a_footnote_stands_where_it_is_defined():
    html = render("One[^1], none[^2]\n\n[^1]: Its *text*\nin two lines")
    assert "One<sup>1</sup>, none[^2]" in html
    assert '<div class="footnote"><sup>1</sup> Its <em>text</em><br>\nin two lines</div>' in html


HOSTILE = {
    "a script": "<script>alert(1)</script>",
    "a handler": "<img src=x onerror=alert(1)>",
    "a style": '<b style="position:fixed">x</b>',
    "a remote image": "![x](http://example.org/x.png)",
    "a fence that breaks out": '```x" onclick="alert(1)\n</code></pre><script>alert(1)</script>\n```',
    "a copy button of its own": "<button data-copy-code onclick=alert(1)>Copy</button>",
    "a formula": "$<script>alert(1)</script>$ $$\n<img src=x onerror=alert(1)>\n$$",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile_becomes_words(text):
    html = render(text)
    tags = re.findall(r"<[^>]*>", html)
    assert not [tag for tag in tags if re.search(r"<(script|img|b)\b|\son\w+=|\sstyle=", tag)]
    assert all(link.startswith(("http", "mailto")) for link in re.findall(r'href="([^"]*)"', html))


NOWHERE = [
    *("//example.org/x", "/settings", "settings", "#end", "?q=x", "https:/settings", "https:settings", "http:///x"),
    *("javascript:alert(1)", "JavaScript:alert(1)", "&#106;avascript:alert(1)", "data:text/html,x"),
    *("ftp://example.org", "tel:1"),
]


@pytest.mark.parametrize("address", NOWHERE)
def test_a_link_leads_to_another_site_or_nowhere(address):  # B58
    for written in (f"[the text]({address})", f"[the text][1]\n\n[1]: {address}"):
        html = render(written)
        assert "the text" in html
        assert "href" not in html


@pytest.mark.parametrize("address", ["https://example.org/x?y=1#z", "HTTP://example.org", "mailto:a@example.org"])
def test_a_link_to_another_site_is_one(address):
    html = render(f"[the text]({address})")
    target = "" if address.startswith("mailto") else ' target="_blank"'  # in a tab of its own
    assert f'<a href="{address}"{target} rel="noopener noreferrer nofollow">the text</a>' in html


EXPENSIVE = {
    "10 MB of nested lists": ("- " * 50 + "x\n") * 100_000,
    "lists in lists": "\n".join("  " * depth + "- x" for depth in range(400)),
    "quotes in quotes": "> " * 100_000 + "x",
    "brackets": "[" * 100_000,
    "code marks": "".join("`" * count + " " for count in range(700)),
    "formulas that never end": r"\(" * 100_000 + r"\[" * 40_000,
    "a table": "|a" * 1_000 + "\n" + "|-" * 1_000 + "\n" + ("|x" * 1_000 + "\n") * 100,
    "many blocks of code": "```python\nx = 1\n```\n" * 14_000,
    "one long line of code": "```perl\n" + "m{" * 100_000 + "\n```",
    "emphasis": "*a " * 50_000,
    "emphasis both ways": "**a _b" * 40_000,
    "images": "![[[[" * 30_000,
    "links that never end": "[a](" * 50_000,
    "tags": "<" * 100_000 + "<a" * 50_000,
    "entities": "&amp" * 60_000,
    "addresses": "[a]: x\n\n" * 30_000 + "[a][b]" * 10_000,
    "one line of pipes": "|" * 100_000 + "\n" + "|-" * 50_000,
    "dollars": "$" * 100_000 + "$a $" * 40_000,
    "deeper and deeper": "".join(f"{'> ' * (n % 60)}- x\n" for n in range(4_000)),
    "nested fences": "````\n```\n~~~\n" * 20_000,
    "backslashes": "\\" * 200_000,
    "tasks": "- [ ] " * 40_000,
    "lines that may become a heading": "a\n" * 140_000 + "=",
}


@pytest.mark.parametrize("text", EXPENSIVE.values(), ids=EXPENSIVE)
def test_what_is_expensive_takes_bounded_time_and_space(text, monkeypatch):
    monkeypatch.setattr(markdown, "RENDER_SECONDS", RENDER_SECONDS)
    with counted(monkeypatch, markdown, highlighting) as work:
        html = render(text)
    assert work.seconds < RENDER_SECONDS + SLACK_SECONDS
    assert len(html) <= MAX_HTML_CHARACTERS


@pytest.mark.parametrize("depth", [30, 500])
def test_what_is_nested_too_deep_is_shown_as_it_was_written(depth):
    """The parser would silently leave out what is nested more deeply than its limit."""
    html = render("> " * depth + "the <innermost>")
    assert "the &lt;innermost&gt;" in html
    assert ("prose--plain" in html) == (depth > 40)


def test_of_a_boundless_answer_the_beginning_is_shown():
    assert len(render("x" * 10_000_000)) < MAX_SHOWN_CHARACTERS + 5_000


@pytest.mark.parametrize(
    "text", ["|a|b|\n|-|-|\n" + "|x|y|\n" * 15_000, "- x\n" * 30_000, "x\n\n" * 30_000, "*x* " * 30_000]
)
def test_what_would_be_too_many_elements_for_a_tab_is_shown_as_it_was_written(text):
    """The HTML is short enough, but a browser took more than ten seconds to lay it out."""
    html = render(text)
    assert html.startswith('<div class="prose--plain">')
    assert html.count("<") < 5_000
