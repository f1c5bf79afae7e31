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
]
