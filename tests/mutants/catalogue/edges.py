"""Faults at the edges: what is kept of a request, and how much of it."""

from tests.mutants.mutant import Mutant

MUTANTS = [
    Mutant(
        "drafts of any number of chats are kept in the session's row",
        "chatapp/pages/drafts.py",
        "while len(drafts) > MAX_DRAFTS or sum(map(len, drafts.values())) > settings.PROMPT_MAX_CHARACTERS:",
        "while False:",
        "tests/pages/test_stop.py::test_drafts_of_many_chats_do_not_grow_the_session_row",
    ),
    Mutant(
        "notices that no page shows are kept without end",
        "chatapp/pages/drafts.py",
        "messages[-MAX_NOTICES:]",
        "messages",
        "tests/pages/test_stop.py::test_notices_that_no_page_shows_do_not_grow_the_session_row",
    ),
]
