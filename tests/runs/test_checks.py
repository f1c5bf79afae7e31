"""Each system check finds its problem and has a hint how to fix it."""

import pytest
from django.core import checks

from runs.checks import TAG

REDIS_CORE = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}


def failed_checks(*, deploy: bool = False) -> list[str]:
    messages = checks.run_checks(tags=[TAG], include_deployment_checks=deploy)
    assert all(message.hint for message in messages)
    return sorted(message.id for message in messages)


@pytest.fixture
def public(settings, monkeypatch):
    """A site that others can reach."""
    monkeypatch.setenv("SECRET_KEY", "long and random")
    settings.ALLOWED_HOSTS = ["chat.example.org", "127.0.0.1"]
    return settings


def test_the_default_settings_are_safe():
    assert failed_checks() == []


def test_a_public_site_with_its_own_key_is_safe(public):
    assert failed_checks(deploy=True) == []


def test_late_acknowledgement_is_an_error(settings):
    settings.CELERY_TASK_ACKS_LATE = True
    assert failed_checks() == ["chatapp.E001"]


def test_a_result_backend_is_an_error(settings):
    settings.CELERY_RESULT_BACKEND = "redis://127.0.0.1:1/1"
    assert failed_checks() == ["chatapp.E002"]


@pytest.mark.parametrize("layers", [REDIS_CORE, {}], ids=["core", "none"])
def test_a_channel_layer_without_pub_sub_is_an_error(settings, layers):
    settings.CHANNEL_LAYERS = layers
    assert failed_checks() == ["chatapp.E003"]


def test_a_lease_that_one_late_renewal_would_end_is_an_error(settings):
    settings.LEASE_SECONDS, settings.LEASE_RENEW_SECONDS = 3.0, 2.0
    assert failed_checks() == ["chatapp.E004"]


@pytest.mark.parametrize("seconds", [4.0, 12.5], ids=["shorter than a late renewal", "longer than the lease"])
def test_an_absence_that_does_not_fit_the_lease_is_warned_of(settings, seconds):  # B42
    settings.STREAMS_RETURN_SECONDS = seconds
    assert failed_checks() == ["chatapp.W003"]


def test_debugging_in_public_is_an_error_and_at_home_is_not(public):
    public.DEBUG = True
    assert failed_checks() == ["chatapp.E005"]
    public.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    assert failed_checks() == []


def test_a_generated_key_of_a_public_site_is_told_of_before_a_deploy(public, monkeypatch):
    monkeypatch.delenv("SECRET_KEY")
    assert failed_checks() == []
    assert failed_checks(deploy=True) == ["chatapp.W001"]
    public.ALLOWED_HOSTS = ["localhost"]
    assert failed_checks(deploy=True) == []
