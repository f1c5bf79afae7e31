"""Code is highlighted in common languages, within a budget, and never loses a character (B85)."""

import re
from html import unescape

import pytest
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Text

from runs.rendering import highlighting
from runs.rendering.highlighting import LANGUAGES, LEXERS, MAX_BLANK_LINES, MAX_SPACES, MAX_TOKENS, Budget, highlight
from runs.rendering.markdown import MAX_HTML_TAGS, render
from tests.harness.work import counted

SECONDS = 0.05  # s of work that these tests give to the code of an answer
SLACK_SECONDS = 0.5  # s of work for the one token in which the time runs out
SNIPPET = "# or // it\nif x == \"a 'b' c\":\n\tcall(1, 2.5) { return [\"y\"]; }\n\n/* so */ <a href='#'>é</a>\n"


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def test_each_language_has_a_lexer_and_no_name_has_two():
    assert len(LEXERS) == sum(len(names.split()) for names in LANGUAGES.values())
    assert all(get_lexer_by_name(name) for name in LANGUAGES)


@pytest.mark.parametrize("name", LANGUAGES)
def test_no_language_loses_a_character(name):
    html = highlight(SNIPPET, name if name in LEXERS else LANGUAGES[name].split()[0], Budget())
    assert html == "" or text_of(html) == SNIPPET


def test_names_are_the_people_s_and_capitals_do_not_matter():
    for name in ("py", "Python", "JS", "c++", "C#", "sh", "postgresql", "yml"):
        assert "<span" in highlight('x = "1"; SELECT 1: 2 "a"', name, Budget())


@pytest.mark.parametrize("name", ["mcschema", "gherkin", "autohotkey", "klingon", "", "text"])
def test_other_languages_have_no_colours(name):
    assert highlight("<!--", name, Budget()) == ""


DEGENERATE = {
    "blank lines": "int x\n" + "\n" * 30_000,
    "few blank lines, often": ("int x" + "\n" * MAX_BLANK_LINES) * 2_000,
    "spaces": ("x" + " " * 900 + "\n") * 50,
    "some spaces, often": ("x" + " " * MAX_SPACES + "y\n") * 200,
    "lines of quotes": "\"'`\n" * 10_000,
    "comments that do not end": '/* <!-- (* {- #| """\n' * 2_000,
    "brackets": "([{<\n" * 9_000,
}


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("language", ["c", "java", "csharp", "python", "javascript", "html", "sql", "bash", "yaml"])
def test_degenerate_code_takes_bounded_time(language, case, monkeypatch):
    highlight("x", language, Budget())  # so that the lexer's expressions are compiled by now
    with counted(monkeypatch, highlighting) as work:
        html = highlight(DEGENERATE[case], language, Budget(seconds=SECONDS))
    assert work.seconds < SECONDS + SLACK_SECONDS
    assert html == "" or text_of(html) == DEGENERATE[case]


def test_long_runs_of_blank_lines_are_kept_but_not_looked_at():
    code = "int x = 1;\n" + "\n" * 30_000 + "int y = 2;\n"
    html = highlight(code, "c", Budget())
    assert text_of(html) == code
    assert html.count('<span class="hl-mi">') == 2


def test_no_lexer_sees_a_long_run_of_white_space(monkeypatch):
    seen = []

    class Noting(Lexer):
        def get_tokens_unprocessed(self, text):
            seen.append(text)
            yield 0, Text, text

    monkeypatch.setattr(highlighting, "_lexer", lambda name: Noting())
    short = "c" + "\n" * (MAX_BLANK_LINES + 1) + "d" + " " * MAX_SPACES + "e"
    code = "a" + "\n" * (MAX_BLANK_LINES + 2) + "b" + " " * (MAX_SPACES + 1) + short
    assert text_of(highlight(code, "c", Budget())) == code
    assert seen == ["a", "b", short]


class Still(Lexer):
    """A lexer that matches empty text for ever."""

    def get_tokens_unprocessed(self, text):
        while True:
            yield 0, Text, ""


class Forgetful(Lexer):
    def get_tokens_unprocessed(self, text):
        yield 0, Text, text[1:]


STRETCH = '<span class="stretch">'


@pytest.mark.parametrize("lexer", [Still(), Forgetful()])
def test_a_lexer_that_misbehaves_gives_no_colours(lexer, monkeypatch):
    monkeypatch.setattr(highlighting, "_lexer", lambda name: lexer)
    assert highlight("x = 1\n", "python", Budget()) == ""


def test_what_is_over_the_budget_is_shown_as_it_is_and_the_rest_as_ever():
    html = render(f"```python\n{'x=1;' * 100}\n```\n*so*\n```python\n{'x' * 60_000}\n```\n```python\ny = 2\n```")
    assert "<em>so</em>" in html
    assert f"<code>{'x' * 60_000}\n</code>" in html.replace(STRETCH, "").replace("</span>", "")
    assert '<span class="hl-n">y</span>' in html


def test_much_code_leaves_the_rest_of_an_answer_rendered():
    html = render("```python\n" + "a=b\n" * 10_000 + "```\nand *so* on")
    assert f"<code>{STRETCH}a=b\na=b\n" in html
    assert "and <em>so</em> on" in html
    assert 2 * MAX_TOKENS < MAX_HTML_TAGS


def test_the_code_of_one_answer_shares_a_budget():
    budget = Budget(tokens=10)
    assert highlight("x = 1\n", "python", budget)
    assert highlight("x = 1\n" * 5, "python", budget) == ""
    assert budget.tokens < 0 < MAX_TOKENS
    assert highlight("x = 1\n", "python", budget) == ""
