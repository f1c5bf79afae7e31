"""System checks: settings under which runs would be lost, doubled or shown to strangers.

`manage.py check` shows them, `manage.py check --deploy` those that only matter in production, too. A worker does not
start while one of the errors stands.
"""

import os

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from runs import provider_keys
from runs.models import Provider

TAG = "chatapp"
PUBSUB_LAYER = "channels_redis.pubsub.RedisPubSubChannelLayer"
LOCAL_HOSTS = {"127.0.0.1", "localhost", "[::1]", "::1", ".localhost", "testserver"}


@register(TAG)
def check_acknowledgement(**kwargs) -> list[CheckMessage]:
    if not getattr(settings, "CELERY_TASK_ACKS_LATE", False):
        return []
    return [
        Error(
            "CELERY_TASK_ACKS_LATE is on.",
            hint="A run that takes longer than the broker's visibility timeout would be started a second time. Switch"
            " it off: a run whose worker dies is ended as LOST by the reaper, and can be retried.",
            id="chatapp.E001",
        )
    ]


@register(TAG)
def check_results(**kwargs) -> list[CheckMessage]:
    if not getattr(settings, "CELERY_RESULT_BACKEND", None):
        return []
    return [
        Error(
            "CELERY_RESULT_BACKEND is set.",
            hint="Runs keep their end in the database. A result backend is written to in the moment a run is stopped,"
            " where on gevent nothing may wait. Remove it.",
            id="chatapp.E002",
        )
    ]


@register(TAG)
def check_channel_layer(**kwargs) -> list[CheckMessage]:
    backend = settings.CHANNEL_LAYERS.get("default", {}).get("BACKEND")
    if backend == PUBSUB_LAYER:
        return []
    return [
        Error(
            f"The default channel layer is {backend}.",
            hint=f"Use {PUBSUB_LAYER}. The one in memory reaches nobody in another process; channels_redis' core layer"
            " drops what a process has not read in time.",
            id="chatapp.E003",
        )
    ]


@register(TAG)
def check_lease(**kwargs) -> list[CheckMessage]:
    if settings.LEASE_SECONDS >= 2 * settings.LEASE_RENEW_SECONDS:
        return []
    return [
        Error(
            f"LEASE_SECONDS ({settings.LEASE_SECONDS:g}) is less than twice LEASE_RENEW_SECONDS"
            f" ({settings.LEASE_RENEW_SECONDS:g}).",
            hint="One renewal that comes late would end all runs of a healthy worker. Make the lease longer.",
            id="chatapp.E004",
        )
    ]


@register(TAG)
def check_debug(**kwargs) -> list[CheckMessage]:
    if not settings.DEBUG or not public_hosts():
        return []
    return [
        Error(
            f"DEBUG is on while the site answers to {', '.join(public_hosts())}.",
            hint="Django's debug pages show settings and data to anybody. Set DEBUG=0, or take the public names out of"
            " ALLOWED_HOSTS.",
            id="chatapp.E005",
        )
    ]


@register(Tags.security, TAG, deploy=True)
def check_secret_key(**kwargs) -> list[CheckMessage]:
    if os.environ.get("SECRET_KEY") or settings.DEBUG or not public_hosts():
        return []
    return [
        Warning(
            "SECRET_KEY is not set, so the key made for this DATA_DIR is used.",
            hint="It is good for one machine. With web servers on several machines a log-in at one would be unknown to"
            " the others: set SECRET_KEY to the same long random text everywhere.",
            id="chatapp.W001",
        )
    ]


@register(TAG)
def check_provider_keys(**kwargs) -> list[CheckMessage]:
    return [
        Error(
            f"PROVIDER_KEYS has an entry that is not valid: {entry}.",
            hint="Each is NAME or NAME@host, and never the name of one of this site's settings: whoever may add a"
            " provider could have that sent anywhere.",
            id="chatapp.E006",
        )
        for entry in provider_keys.malformed_entries()
    ]


@register(Tags.database)
def check_keys_of_providers(databases=None, **kwargs) -> list[CheckMessage]:
    """Looked at by `migrate`, and by `check --database default`."""
    try:
        providers = list(Provider.objects.exclude(key_env="")) if databases else []
    except DatabaseError:  # before the first migration
        return []
    return [
        Warning(
            f"The provider {provider.name} cannot be used: {provider.key_fault}",
            hint="Its runs fail with provider_key_forbidden. See “Keys of providers” in docs/deploying.md.",
            id="chatapp.W002",
        )
        for provider in providers
        if provider.key_fault
    ]


def public_hosts() -> list[str]:
    """The names under which others than this machine may ask."""
    return [host for host in settings.ALLOWED_HOSTS if host not in LOCAL_HOSTS]
