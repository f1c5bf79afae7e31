"""Faults in what a reader's browser gets: names, bounds of pages and files."""

from tests.mutants.mutant import Mutant

MUTANTS = [
    Mutant(
        "an untitled chat is called by its first question, though that was edited away",
        "chatapp/chats/naming.py",
        "first = Coalesce(Root(end), Subquery(_first_question))",
        "first = Subquery(_first_question)",
        "tests/pages/test_naming.py::test_a_question_that_was_edited_away_names_nothing",
    ),
    Mutant(
        "the live drawing goes as deep as it is written",
        "chatapp/pages/static/pages/bounds.js",
        "if (level > (isInline ? ALL_LEVELS : LEVELS)) throw new TooMuch();",
        "",
        "tests/browser/test_bounds.py::test_what_stands_stays_when_the_rest_is_too_much",
    ),
    Mutant(
        "what the parser had read and not drawn is lost where the drawing ends",
        "chatapp/pages/static/pages/drawing.js",
        "return held + text.slice(drawn);",
        "return text.slice(drawn);",
        "tests/browser/test_bounds.py::test_what_stands_stays_when_the_rest_is_too_much",
    ),
]
