"""What a page draws while an answer arrives equals the server's HTML, however the answer is cut (B82)."""

import json
import re
import subprocess
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings

from runs.rendering.markdown import render
from tests.browser_units.answers import Author

DRAW = Path(__file__).parent / "draw_answers.mjs"
EXAMPLE = re.compile(r"^`{32} example\n(.*?)^\.\n", re.MULTILINE | re.DOTALL)
GFM = {  # the extensions of GitHub Flavored Markdown; what becomes of them is in tests/runs/test_rendering.py
    "a table": "| foo | bar |\n| --- | --- |\n| baz | bim |",
    "alignment": "| abc | defghi |\n:-: | -----------:\nbar | baz",
    "a pipe in a cell": "| f\\|oo  |\n| ------ |\n| b `\\|` az |\n| b **\\|** im |",
    "a table ended by a quote": "| abc | def |\n| --- | --- |\n| bar | baz |\n> bar",
    "a table ended by a blank line": "| abc | def |\n| --- | --- |\n| bar | baz |\nbar\n\nbar",
    "a head of another width": "| abc | def |\n| --- |\n| bar |",
    "rows of other widths": "| abc | def |\n| --- | --- |\n| bar |\n| bar | baz | boo |",
    "a table without rows": "| abc | def |\n| --- | --- |",
    "a table after a paragraph": "text\n| a |\n|---|\n| b |\ntext",
    "a table in an item": "- | a |\n  |---|\n  | b |\n- c",
    "a table in a quote": "> | a |\n> |---|\n> | b<br>c |",
    "tasks": "- [ ] foo\n- [x] bar",
    "tasks in tasks": "- [x] foo\n  - [ ] bar\n  - [x] baz\n- [ ] bim",
    "tasks between blank lines": "- [X] foo\n\n- [ ] bar\n\n  more\n- [y] no",
    "strikethrough": "~~Hi~~ Hello, ~there~ world! This ~~has a\n\nnew paragraph~~. ~~~no~~~",
    "a bare link": "Visit https://commonmark.org/help for more, http://a.example.",
    "a bare link in brackets": "(https://a.example/x_(y)), [https://b.example] <https://c.example> (https://d.example/(",
    "a bare link before punctuation": "https://a.example/b?c=d&e=%20f. **https://a.example** https://a.example、次",
    "no bare link": "xhttps://a.example https:// http:/a.example javascript://x ftp://a.example `https://a.example`",
    "a bare link in a link": "[see https://a.example](https://b.example)",
    "www": "www.a.b/c_d_e*f*. (www.a.b) *www.a.b* www.a_b.c xwww.a.b www. `www.a.b` [www.a.b](x) www.a&amp;|www.a、次",
    "e-mail": "a@b.c a_b@c.d_ **x_y@z.de** <a@b.c> [a@b.c](x) git@a.b:c 邮箱a@b.c a@b@c.d a\\@b.c a&#64;b.c `a@b.c`",
    "tildes": "~~~no~~~ ~~~~no~~~~ ~~yes~~ ~~~a~~ ~b~",
}
FOUND = {  # what was once drawn otherwise than it was rendered
    "underscores": "my_config_file _a_ __b__",
    "code in a list": "1. one\n\n   ```py\n   x\n   ```\n2. two\n```\ny\n```\n3. three",
    "entities": "&lt;b&gt; &copy; &#x1F600; &nope; `&lt;`",
    "Setext headings": "One\n===\n\nTwo\nlines\n---\n\n- Three\n---",
    "footnotes": "One[^1], two[^two], none[^3]\n\n[^1]: Text *of* one\nthat goes on\n[^two]: Two",
    "a footnote defined before": "[^a]: first\n\nthen[^a]",
    "links defined later": "[one] [two][] [c][one]\n\n- [x] [one]\n\n[one]: https://1.de\n[two]: https://2.de\n'2\n3'",
    "CJK": "これは**「太字」**です。**強調：**文字 *「a」*b __「a」__b 中文~~「a」~~字 𠀋**「a」**𠀋",
    "breaks": "a<br>b <BR/> c\n\n|a|\n|-|\n|b<br>c|",
    "nested fences": "````md\n```py\nx\n```\n````\n\n~~~\n```\n~~~\n\n- ```\n  a\n\n  b\n  ```",
    "isolates": "\u2067مرحبا\u2069 abc `a\u2067b` \u202ea\n\n- مرحبا\n- one\n\n> مرحبا",
    "formulas": "$a_1$ \\(b\\) \\[c\\] $$d$$ $5\n\n$$\ne\n\nf\n$$\n\n$$g$$\n\n> $$\n> h\n> $$\n\n$$ i\nj $$\n\n$$\nk",
    "marks that are never closed": "# snake_case_\n\n```\nx\n```\n- **a\n\n$$b$$\n\n|c|d|\n|-|-|\n|__e|\n\n`f [g](h",
    "white space": "a\tb\r\nc\rd\r\n\r\n\te\n\n\0 \u00a0\n",
    "a code box that is long": "```\n" + "a line of code\n" * 600 + "```\n\nafter",
    "code that is never closed": "text\n```\n" + "a line of code\n" * 600 + "the end",
}


def examples() -> list[str]:
    """The examples of the CommonMark specification."""
    text = (settings.BROWSER_PACKAGES_DIR / "commonmark-spec" / "spec.txt").read_text()
    return [example.replace("→", "\t") for example in EXAMPLE.findall(text)]


def check_same(node: str, answers: Sequence[str], sizes: Sequence[int]) -> None:
    pieces = [(answer, size) for answer in answers for size in sizes]
    command = [node, "--preserve-symlinks", str(DRAW)]
    result = subprocess.run(command, input=json.dumps(pieces), capture_output=True, text=True, timeout=500)
    assert result.returncode == 0, result.stderr
    drawn = iter(json.loads(result.stdout))
    for answer in answers:
        rendered = render(answer, highlights=False)
        for size in sizes:
            html = next(drawn)
            assert parsed(html) == parsed(rendered), (answer, size, html, rendered)


def parsed(html: str) -> list[object]:
    """Tags, with their attributes in any order, and texts."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[object] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        if tag not in ("br", "hr", "input"):
            self.found.append(f"</{tag}>")

    def handle_data(self, data):
        if self.found and isinstance(self.found[-1], list):
            self.found[-1][0] += data  # a character reference ends a piece of text
        else:
            self.found.append([data])


def test_the_examples_of_commonmark_are_drawn_as_they_are_rendered(node):
    answers = examples()
    assert len(answers) > 600
    check_same(node, answers, [5])


@pytest.mark.parametrize("answers", [GFM, FOUND], ids=["GFM", "found"])
def test_its_extensions_are_drawn_as_they_are_rendered(node, answers):
    check_same(node, list(answers.values()), [1, 7, 5_000])


def test_random_answers_are_drawn_as_they_are_rendered(node):
    author = Author(seed=1)
    check_same(node, [author.answer() for _ in range(60)], [3])


@pytest.mark.long
def test_many_random_answers_are_drawn_as_they_are_rendered(node):
    author = Author(seed=2)
    check_same(node, [author.answer() for _ in range(500)], [1, 20, 5_000])


@pytest.mark.long
def test_the_examples_of_commonmark_are_drawn_so_however_they_arrive(node):
    check_same(node, examples(), [1, 2, 5_000])
