"""Providers' keys at rest: encrypted, bound to their origin, readable after SECRET_KEY was rotated."""

import io

import pytest
from django.core.management import call_command

from runs import key_storage
from runs.errors import ProviderKeyForbidden
from runs.key_storage import KeyUnreadable
from runs.models import Model, Provider
from runs.upstream.request import prepare_request

KEY = "sk-very-secret-0123456789"
HERE, THERE = ("https", "api.example.org", None), ("https", "evil.example.org", None)


@pytest.fixture
def provider(db):
    provider = Provider(name="p", base_url="https://api.example.org/v1", key_env="OPENAI_API_KEY")
    provider.store_key(KEY)
    provider.save()
    Model.objects.create(name="m", label="M", provider=provider, upstream_id="m")
    return provider


def test_what_is_sealed_is_read_again_and_never_the_same_twice():
    first, second = key_storage.seal(KEY, HERE), key_storage.seal(KEY, HERE)
    assert key_storage.unseal(first, HERE) == key_storage.unseal(second, HERE) == KEY
    assert first != second and KEY not in first


@pytest.mark.parametrize("origin", [THERE, ("http", *HERE[1:]), ("https", HERE[1], 8443)])
def test_a_key_is_for_the_origin_that_it_was_entered_for(origin):
    with pytest.raises(KeyUnreadable, match="Enter it again"):
        key_storage.unseal(key_storage.seal(KEY, HERE), origin)


@pytest.mark.parametrize("stored", ["nonsense", "gAAAAA", "\u20ac"])
def test_what_is_no_token_cannot_be_read(stored):
    with pytest.raises(KeyUnreadable):
        key_storage.unseal(stored, HERE)


def test_a_request_carries_the_stored_key(provider):
    assert prepare_request(Model.objects.get(), [{"role": "user", "content": "Hi"}]).key == KEY
    assert provider.key_env == ""  # one or the other


def test_a_row_that_points_elsewhere_sends_no_key(provider):
    Provider.objects.update(base_url="https://evil.example.org/v1")
    with pytest.raises(ProviderKeyForbidden):
        prepare_request(Model.objects.get(), [{"role": "user", "content": "Hi"}])


def test_a_changed_secret_reads_with_its_fallback_and_not_without(provider, settings):
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another" * 8
    assert "SECRET_KEY has changed" in provider.key_fault
    settings.SECRET_KEY_FALLBACKS = [before]
    assert provider.key == KEY and not key_storage.is_current(provider.stored_key)


def test_rotating_makes_the_fallback_unnecessary(provider, settings):
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another" * 8
    settings.SECRET_KEY_FALLBACKS = [before]
    out = io.StringIO()
    call_command("rotate_keys", stdout=out)
    assert out.getvalue() == "1 key encrypted with the present SECRET_KEY.\n"
    settings.SECRET_KEY_FALLBACKS = []
    provider.refresh_from_db()
    assert provider.key == KEY and key_storage.is_current(provider.stored_key)


def test_rotating_says_which_key_it_cannot_read_and_keeps_it(provider, settings):
    settings.SECRET_KEY, stored = "another" * 8, provider.stored_key
    errors = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("rotate_keys", stdout=io.StringIO(), stderr=errors)
    assert errors.getvalue().startswith("p: its key cannot be read.")
    provider.refresh_from_db()
    assert provider.stored_key == stored
