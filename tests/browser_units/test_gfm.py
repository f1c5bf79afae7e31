"""The extensions of GitHub Flavored Markdown, by the rules of its specification, on both sides."""

import re

import pytest

from runs.rendering.markdown import render
from tests.browser_units.test_same_grammar import check_same, parsed

# What the server and the page add to GFM's HTML: attributes of links and boxes, and the box in which a table scrolls.
ADDED = re.compile(
    r' (?:rel|target|dir|tabindex|aria-label)="[^"]*"|<div class="table"[^>]*>(?=\s*<table)|(?<=table>)</div>'
)
DOCUMENTED = {  # name: (Markdown, GFM's HTML)
    "a table": (
        "| foo | bar |\n| --- | --- |\n| baz | bim |",
        "<table><thead><tr><th>foo</th><th>bar</th></tr></thead><tbody><tr><td>baz</td><td>bim</td></tr></tbody></table>",
    ),
    "delimiters need no length, and pipes at the sides are optional": (
        "| abc | defghi |\n:-: | -----------:\nbar | baz",
        '<table><thead><tr><th align="center">abc</th><th align="right">defghi</th></tr></thead>'
        '<tbody><tr><td align="center">bar</td><td align="right">baz</td></tr></tbody></table>',
    ),
    "a pipe in a cell is escaped, also in code": (
        "| f\\|oo  |\n| ------ |\n| b `\\|` az |\n| b **\\|** im |",
        "<table><thead><tr><th>f|oo</th></tr></thead><tbody><tr><td>b <code>|</code> az</td></tr>"
        "<tr><td>b <strong>|</strong> im</td></tr></tbody></table>",
    ),
    "a table ends where another block begins": (
        "| abc | def |\n| --- | --- |\n| bar | baz |\n> bar",
        "<table><thead><tr><th>abc</th><th>def</th></tr></thead><tbody><tr><td>bar</td><td>baz</td></tr></tbody></table>"
        "<blockquote><p>bar</p></blockquote>",
    ),
    "a row needs no pipe; a blank line ends the table": (
        "| abc | def |\n| --- | --- |\n| bar | baz |\nbar\n\nbar",
        "<table><thead><tr><th>abc</th><th>def</th></tr></thead><tbody><tr><td>bar</td><td>baz</td></tr>"
        "<tr><td>bar</td><td></td></tr></tbody></table><p>bar</p>",
    ),
    "a head of another width begins no table": (
        "| abc | def |\n| --- |\n| bar |",
        "<p>| abc | def |<br>| --- |<br>| bar |</p>",  # a line break of an answer is one on the page
    ),
    "rows are as wide as their head": (
        "| abc | def |\n| --- | --- |\n| bar |\n| bar | baz | boo |",
        "<table><thead><tr><th>abc</th><th>def</th></tr></thead><tbody><tr><td>bar</td><td></td></tr>"
        "<tr><td>bar</td><td>baz</td></tr></tbody></table>",
    ),
    "a table without rows has no body": (
        "| abc | def |\n| --- | --- |",
        "<table><thead><tr><th>abc</th><th>def</th></tr></thead></table>",
    ),
    "tasks": (
        "- [ ] foo\n- [x] bar",
        '<ul><li><input type="checkbox" disabled=""> foo</li>'
        '<li><input type="checkbox" disabled="" checked=""> bar</li></ul>',
    ),
    "tasks in tasks": (
        "- [x] foo\n  - [ ] bar\n  - [X] baz\n- [ ] bim",
        '<ul><li><input type="checkbox" disabled="" checked=""> foo<ul>'
        '<li><input type="checkbox" disabled=""> bar</li><li><input type="checkbox" disabled="" checked=""> baz</li>'
        '</ul></li><li><input type="checkbox" disabled=""> bim</li></ul>',
    ),
    "strikethrough": ("~~Hi~~ Hello, world!", "<p><s>Hi</s> Hello, world!</p>"),
    "strikethrough ends with its paragraph": (
        "This ~~has a\n\nnew paragraph~~.",
        "<p>This ~~has a</p><p>new paragraph~~.</p>",
    ),
    "three tildes strike nothing": ("This will ~~~not~~~ strike.", "<p>This will ~~~not~~~ strike.</p>"),
    "www": ("www.commonmark.org", '<p><a href="http://www.commonmark.org">www.commonmark.org</a></p>'),
    "www with a path": (
        "Visit www.commonmark.org/help for more information.",
        '<p>Visit <a href="http://www.commonmark.org/help">www.commonmark.org/help</a> for more information.</p>',
    ),
    "punctuation at the end of an address is none of it": (
        "Visit www.commonmark.org.\n\nVisit www.commonmark.org/a.b.",
        '<p>Visit <a href="http://www.commonmark.org">www.commonmark.org</a>.</p>'
        '<p>Visit <a href="http://www.commonmark.org/a.b">www.commonmark.org/a.b</a>.</p>',
    ),
    "brackets in an address are counted": (
        "www.google.com/search?q=Markup+(business)\n\nwww.google.com/search?q=Markup+(business)))\n\n"
        "(www.google.com/search?q=Markup+(business))\n\n(www.google.com/search?q=Markup+(business)",
        '<p><a href="http://www.google.com/search?q=Markup+(business)">www.google.com/search?q=Markup+(business)</a></p>'
        '<p><a href="http://www.google.com/search?q=Markup+(business)">www.google.com/search?q=Markup+(business)</a>))</p>'
        '<p>(<a href="http://www.google.com/search?q=Markup+(business)">www.google.com/search?q=Markup+(business)</a>)</p>'
        '<p>(<a href="http://www.google.com/search?q=Markup+(business)">www.google.com/search?q=Markup+(business)</a></p>',
    ),
    "brackets within an address": (
        "www.google.com/search?q=(business))+ok",
        '<p><a href="http://www.google.com/search?q=(business))+ok">www.google.com/search?q=(business))+ok</a></p>',
    ),
    "what looks like an entity at the end is none of an address": (
        "www.google.com/search?q=commonmark&hl=en\n\nwww.google.com/search?q=commonmark&hl;",
        '<p><a href="http://www.google.com/search?q=commonmark&amp;hl=en">www.google.com/search?q=commonmark&amp;hl=en</a></p>'
        '<p><a href="http://www.google.com/search?q=commonmark">www.google.com/search?q=commonmark</a>&amp;hl;</p>',
    ),
    "an address ends before <": (
        "www.commonmark.org/he<lp",
        '<p><a href="http://www.commonmark.org/he">www.commonmark.org/he</a>&lt;lp</p>',
    ),
    "no underscore in the last two parts of a host": (
        "www.a_b.c www.a._b.c www._a.b.c",
        '<p>www.a_b.c www.a._b.c <a href="http://www._a.b.c">www._a.b.c</a></p>',
    ),
    "an address begins at a boundary": (
        "xwww.a.b (www.a.b) *www.a.b* **www.a.b** ~~www.a.b~~",
        '<p>xwww.a.b (<a href="http://www.a.b">www.a.b</a>) <em><a href="http://www.a.b">www.a.b</a></em> '
        '<strong><a href="http://www.a.b">www.a.b</a></strong> <s><a href="http://www.a.b">www.a.b</a></s></p>',
    ),
    "http and https": (
        "http://commonmark.org\n\n(Visit https://encrypted.google.com/search?q=Markup+(business))",
        '<p><a href="http://commonmark.org">http://commonmark.org</a></p>'
        '<p>(Visit <a href="https://encrypted.google.com/search?q=Markup+(business)">'
        "https://encrypted.google.com/search?q=Markup+(business)</a>)</p>",
    ),
    "e-mail": ("foo@bar.baz", '<p><a href="mailto:foo@bar.baz">foo@bar.baz</a></p>'),
    "a + may be in the name, not in the host": (
        "hello@mail+xyz.example isn't valid, but hello+xyz@mail.example is.",
        "<p>hello@mail+xyz.example isn't valid, but "
        '<a href="mailto:hello+xyz@mail.example">hello+xyz@mail.example</a> is.</p>',
    ),
    "what an e-mail address may end with": (
        "a.b-c_d@a.b\n\na.b-c_d@a.b.\n\na.b-c_d@a.b-\n\na.b-c_d@a.b_",
        '<p><a href="mailto:a.b-c_d@a.b">a.b-c_d@a.b</a></p><p><a href="mailto:a.b-c_d@a.b">a.b-c_d@a.b</a>.</p>'
        "<p>a.b-c_d@a.b-</p><p>a.b-c_d@a.b_</p>",
    ),
    "no links in code and in links": (
        "`www.a.b` `a@b.c` [www.a.b and a@b.c](https://d.example)",
        '<p><code>www.a.b</code> <code>a@b.c</code> <a href="https://d.example">www.a.b and a@b.c</a></p>',
    ),
    "marks around and beside addresses": (
        "**a_b@c.de**, *a@b.c and* me_you@x.org_z",
        '<p><strong><a href="mailto:a_b@c.de">a_b@c.de</a></strong>, <em><a href="mailto:a@b.c">a@b.c</a> and</em> '
        '<a href="mailto:me_you@x.org_z">me_you@x.org_z</a></p>',
    ),
}


def simplified(html: str) -> list[object]:
    """As GFM writes it: the side of a cell is an attribute, and line ends between tags are left out."""
    html = re.sub(r'class="(right|center)"', r'align="\1"', ADDED.sub("", html).replace("<br>\n", "<br>"))
    return parsed(re.sub(r"(?<=>)\n|\n(?=<)", "", html))


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_server_renders_what_gfm_specifies(name):
    markdown, html = DOCUMENTED[name]
    assert simplified(render(markdown)) == parsed(html)


def test_the_page_draws_the_same_however_it_arrives(node):
    check_same(node, [markdown for markdown, _ in DOCUMENTED.values()], [1, 3, 5_000])
