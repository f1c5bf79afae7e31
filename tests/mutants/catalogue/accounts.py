"""Faults in who is logged in, for how long, and by what."""

from tests.mutants.mutant import Mutant

MUTANTS = [
    Mutant(
        "a session goes on though its password was changed",
        "streams/access.py",
        "return any(constant_time_compare(auth_hash, each) for each in valid)",
        "return bool(auth_hash)",
        "tests/streams/test_access.py::test_a_changed_password_ends_every_session_that_began_with_the_old_one",
    ),
    Mutant(
        "the rows of sessions stay when the password changes",
        "chatapp/accounts/sessions.py",
        "transaction.on_commit(partial(_delete, void))",
        "transaction.on_commit(partial(_delete, []))",
        "tests/accounts/test_sessions.py::test_staff_ends_all_sessions_of_somebody_else",
    ),
    Mutant(
        "a page of another port opens the WebSocket",
        "streams/origin.py",
        "port = url.port or PORTS[url.scheme]",
        "port = PORTS[url.scheme]",
        "tests/streams/test_origin.py::test_a_page_of_any_other_origin_is_refused",
    ),
    Mutant(
        "the old password may be tried without end",
        "chatapp/accounts/throttles.py",
        'return seconds_to_wait(SIGN_INS, "password", request.user.pk) if request.user.is_authenticated else None',
        "return None",
        "tests/accounts/test_throttles.py::test_nor_can_the_old_one_at_an_open_browser",
    ),
]
