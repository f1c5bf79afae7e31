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
    Mutant(
        "a body that grows too large is read on",
        "chatapp/bodies/bounded.py",
        "if self._arrived > self.most:",
        "if False:",
        "tests/edges/test_bodies.py::test_what_grows_too_large_is_read_no_further",
    ),
    Mutant(
        "a body that is announced too large is read until it is",
        "chatapp/bodies/bounded.py",
        'if declared_length(scope["headers"]) > body.most:',
        "if False:",
        "tests/edges/test_bodies.py::test_what_is_announced_too_large_is_not_read_at_all",
    ),
    Mutant(
        "a log-in may be as large as a message",
        "chatapp/bodies/limits.py",
        "if not WITH_TEXT.match(path) or WITHOUT_LOG_IN.match(path):",
        "if False:",
        "tests/edges/test_bodies.py::test_who_has_no_message_to_send_may_send_little",
    ),
]
