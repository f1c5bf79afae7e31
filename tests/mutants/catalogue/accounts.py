"""Faults in who is logged in, for how long, and by what."""

from tests.mutants.mutant import Mutant

MUTANTS = [
    Mutant(
        "a session goes on though its password was changed",
        "streams/access.py",
        "return any(constant_time_compare(auth_hash, each) for each in valid)",
        "return bool(auth_hash)",
        "tests/streams/test_access.py::test_a_changed_password_ends_every_session_of_the_old_one",
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
        "streams/transports/origin.py",
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
    Mutant(
        "a link is looked at first and spent afterwards, whoever else has spent it meanwhile",
        "chatapp/accounts/links.py",
        "return user if is_mine else None",
        "return user",
        "tests/web/test_accounts.py::test_of_twelve_who_press_the_button_at_once_one_is_logged_in",
    ),
    Mutant(
        "a look at a link spends it",
        "chatapp/web/account/login.py",
        "if user is not None and _is_logged_in_as_other(request, user):",
        "if user is not None and (redeem(token, Purpose.LOGIN), _is_logged_in_as_other(request, user))[1]:",
        "tests/web/test_accounts.py::test_who_is_logged_in_is_asked_before_a_link_for_somebody_else_is_used",
    ),
    Mutant(
        "any account without a password is handed over by an invitation",
        "chatapp/accounts/invitations.py",
        "return OneTimeLink.objects.filter(user=user, purpose=Purpose.INVITATION).exists()",
        "return True",
        "tests/web/test_invitations.py::test_a_name_that_cannot_be_invited_is_told",
    ),
    Mutant(
        "what is wrong with a form far down the page does not get the focus",
        "chatapp/web/templatetags/refused.py",
        'first.field.widget.attrs["autofocus"] = True',
        "pass",
        "tests/web/test_settings.py::test_what_is_wrong_stands_at_the_top_and_its_first_field_has_the_focus",
    ),
    Mutant(
        "a link from before the update leads to the form that refuses it",
        "chatapp/web/account/login.py",
        "if OLD_QUERY_NAMES & request.GET.keys():",
        "if False:",
        "tests/web/test_accounts.py::test_a_link_from_before_the_update_says_so_at_once",
    ),
    Mutant(
        "who may change users may change their rights",
        "chatapp/web/admin.py",
        "return fields if request.user.is_superuser else (*fields, *PRIVILEGES)",
        "return fields",
        "tests/web/test_admin_of_users.py::test_who_may_change_users_gives_nobody_more_rights",
    ),
    Mutant(
        "a setting of the site may be a provider's key",
        "runs/provider_keys.py",
        "if name in settings.SETTINGS_VARIABLES:",
        "if name in ():",
        "tests/runs/test_provider_keys.py::test_every_variable_that_settings_read_is_known",
    ),
    Mutant(
        "a well-known key is sent to any host",
        "runs/provider_keys.py",
        "if not any(_matches(allowed, host) for allowed in hosts):",
        "if not hosts:",
        "tests/runs/test_provider_keys.py::test_no_other_variable_goes_anywhere",
    ),
    Mutant(
        "a key is looked at when it is saved, and not when it is read",
        "runs/models.py",
        "raise ProviderKeyForbidden(fault)",
        "pass",
        "tests/runs/test_provider_keys.py::test_no_other_variable_goes_anywhere",
    ),
    Mutant(
        "staff who may change providers choose where a key is sent",
        "runs/admin/providers.py",
        'return ["stored_key_note", *([] if may_connect(request.user) else ["address", "key_env"])]',
        'return ["stored_key_note"]',
        "tests/runs/test_provider_keys.py::test_address_and_key_are_for_those_with_the_permission",
    ),
]
