"""Faults at the edges: what is kept of a request, and how much of it."""

from tests.mutants.mutant import Mutant

MUTANTS = [
    Mutant(
        "drafts of any number of chats are kept in the session's row",
        "chatapp/web/chat/drafts.py",
        "while len(drafts) > MAX_DRAFTS or sum(map(_length, drafts.values())) > settings.PROMPT_MAX_CHARACTERS:",
        "while False:",
        "tests/web/test_stop.py::test_drafts_of_many_chats_do_not_grow_the_session_row",
    ),
    Mutant(
        "notices that no page shows are kept without end",
        "chatapp/web/chat/drafts.py",
        "messages[-MAX_NOTICES:]",
        "messages",
        "tests/web/test_stop.py::test_notices_that_no_page_shows_do_not_grow_the_session_row",
    ),
    Mutant(
        "a body that grows too large is read on",
        "chatapp/middleware/bounded_bodies.py",
        "        await self.check_size(self._arrived)\n",
        "",
        "tests/edges/test_bodies.py::test_what_grows_too_large_is_read_no_further",
    ),
    Mutant(
        "a body that is announced too large is read until it is",
        "chatapp/middleware/bounded_bodies.py",
        '            await body.check_size(declared_length(scope["headers"]))\n',
        "",
        "tests/edges/test_bodies.py::test_what_is_announced_too_large_is_not_read_at_all",
    ),
    Mutant(
        "a stranger may send as much as a user",
        "chatapp/middleware/bounded_bodies.py",
        "        if size > self._unchecked:",
        "        if False:",
        "tests/edges/test_bodies.py::test_what_a_stranger_announces_is_not_read",
    ),
    Mutant(
        "answers to bad requests are shared by those who sent them",
        "chatapp/middleware/body_limits.py",
        "    return answer_at(request.path, exception if known else SuspiciousOperation())",
        "    return _KEPT.setdefault(known, answer_at(request.path, SuspiciousOperation()))\n\n\n_KEPT: dict = {}",
        "tests/edges/test_bodies.py::test_an_answer_to_a_bad_request_has_nothing_of_an_earlier_one",
    ),
    Mutant(
        "a name spelt otherwise is another one to count attempts for",
        "chatapp/accounts/throttles.py",
        'normalize("NFKC", request.POST.get("username", ""))',
        'request.POST.get("username", "")',
        "tests/accounts/test_throttles.py::test_passwords_cannot_be_tried_without_end",
    ),
    Mutant(
        "a log-in may be as large as a message",
        "chatapp/middleware/body_limits.py",
        "if not WITH_TEXT.match(path) or WITHOUT_LOG_IN.match(path):",
        "if False:",
        "tests/edges/test_bodies.py::test_who_has_no_message_to_send_may_send_little",
    ),
    Mutant(
        "one user may hold as many connections as there are",
        "streams/transports/connection_limit.py",
        "if 0 < settings.USER_MAX_CONNECTIONS <= _open[user_id]:",
        "if False:",
        "tests/edges/test_sockets.py::test_a_stream_too_many_is_429_with_a_time_to_come_back",
    ),
    Mutant(
        "a connection that was closed is counted for ever",
        "streams/transports/connection_limit.py",
        "_open[user_id] -= 1",
        "pass",
        "tests/edges/test_sockets.py::test_streams_whose_clients_left_before_they_began_are_not_counted",
    ),
    Mutant(
        "a position beyond every number reaches the database",
        "streams/transports/positions.py",
        "return min(max(value, 0), LAST)",
        "return max(value, 0)",
        "tests/edges/test_sockets.py::test_a_position_is_a_number_that_every_database_compares",
    ),
    Mutant(
        "JSON is taken however deeply it is nested",
        "chatapp/strict_json.py",
        'raise NotJson("nested too deeply")',
        "pass",
        "tests/edges/test_strict_json.py::test_what_is_nested_too_deeply_is_refused",
    ),
    Mutant(
        "half a character gets past the reader of JSON",
        "chatapp/strict_json.py",
        "        value = orjson.loads(raw)\n",
        "        value = json.loads(raw)\n",
        "tests/edges/test_strict_json.py::test_what_no_database_holds_is_refused_with_its_place",
    ),
]
