"""The secret key is changed: with the one before as a fallback nobody notices, without it everybody logs in again."""

import pytest

pytestmark = pytest.mark.django_db


def change_key(settings, *fallbacks: str) -> None:
    settings.SECRET_KEY_FALLBACKS = list(fallbacks)
    settings.SECRET_KEY = "another long and random text, for a key that has to be changed"


def test_with_the_earlier_key_as_a_fallback_a_log_in_holds_and_is_signed_anew(client, alice, settings):
    client.force_login(alice)
    change_key(settings, settings.SECRET_KEY)
    assert client.get("/settings").status_code == 200
    # It should be signed anew by then, so that the fallback can be removed.
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get("/settings").status_code == 200


def test_after_a_leak_without_a_fallback_no_log_in_holds_that_was_signed_before(client, alice, settings):
    client.force_login(alice)
    change_key(settings)
    assert client.get("/settings").status_code == 302
