"""Words without Markdown's marks, for excerpts and titles, in bounded time."""

import pytest

from chatapp.chats.plain_text import EXCERPT_CHARACTERS, excerpt_of


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("# One\n\ntwo *three* **four** ***five*** ~~six~~", "One two three four five six"),
        ("2 * 3 * 4 and a_b_c", "2 * 3 * 4 and a_b_c"),
        ("`a * b` and ``c`d``", "a * b and c`d"),
        (r"\*not so\* \# 1", "*not so* # 1"),
        ("- [x] done\n* also\n12. twelfth\n> > quoted", "done also twelfth quoted"),
        ('[text](http://e.org "t") ![image](x) <https://e.org/_a_>', "text image https://e.org/_a_"),
        ("| a | b |\n|---|--:|\n| 1 | 2 |", "a b 1 2"),
        ("```python\nx = 1\n```", "x = 1"),
        ("Title\n===\n---\ntext", "Title text"),
        ("a &lt; b &amp; c", "a < b & c"),
        ("- 1 is not -1", "1 is not -1"),
        ("", ""),
    ],
)
def test_marks_are_left_out(markdown, words):
    assert excerpt_of(markdown) == words


STORMS = [
    "[",
    "*a ",
    "**",
    "_",
    "`",
    "` `` ",
    "~~",
    "![[",
    "](",
    "> ",
    "- ",
    "|",
    "\\",
    "<",
    "&",
    "#",
    "[a](",
    "\n",
    " ",
    "$",
    "*_~`[(",
]


@pytest.mark.parametrize("storm", STORMS)
@pytest.mark.timeout(60)
def test_no_text_takes_long(storm):  # B85
    """It takes a few ms. What looks again and again at the rest of it would take hours, and not end here."""
    excerpt_of(storm * 100_000)


def test_the_beginning_is_read():
    assert len(excerpt_of("word " * 10_000)) <= EXCERPT_CHARACTERS
