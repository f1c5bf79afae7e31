"""Faults in who may see and do what."""

from tests.mutants.mutant import Mutant

MUTANTS = [
    Mutant(
        "sessions of others are visible",
        "chatapp/chats/models.py",
        "return self.filter(owner_id=user.pk, is_listed=True)",
        "return self.filter(is_listed=True)",
        "tests/pages/test_access.py::test_others_are_told_that_there_is_nothing_and_change_nothing",
    ),
    Mutant(
        "a link that was switched off still opens the session",
        "chatapp/pages/sharing.py",
        'change = unshare if "off" in request.POST else make_link',
        "change = make_link",
        "tests/pages/test_sharing.py::test_a_revoked_link_leads_nowhere_and_a_new_one_is_another",
    ),
    Mutant(
        "a pane of a comparison is a session like others",
        "chatapp/chats/models.py",
        "return self.filter(owner_id=user.pk, is_listed=True)",
        "return self.filter(owner_id=user.pk)",
        "tests/compare/test_unreachable.py::test_no_address_knows_of_a_pane",
    ),
]
