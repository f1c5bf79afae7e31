"""System checks for settings that would lose runs, start them twice, or expose them.

`manage.py check` runs them, with `--deploy` also those for production. A worker does not start with one of the errors.
"""

import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from runs import provider_keys
from runs.models import Provider

TAG = "chatapp"
PUBSUB_LAYER = "channels_redis.pubsub.RedisPubSubChannelLayer"
LOCAL_HOSTS = {"127.0.0.1", "localhost", "[::1]", "::1", ".localhost", "testserver"}


@register(TAG)
def check_acknowledgement(**kwargs: Any) -> list[CheckMessage]:
    if not getattr(settings, "CELERY_TASK_ACKS_LATE", False):
        return []
    return [
        Error(
            "CELERY_TASK_ACKS_LATE is on.",
            hint="A run that takes longer than the broker's visibility timeout would be started a second time. Switch"
            " it off: if its worker dies, the reaper ends a run as LOST, and it can be retried.",
            id="chatapp.E001",
        )
    ]


@register(TAG)
def check_results(**kwargs: Any) -> list[CheckMessage]:
    if not getattr(settings, "CELERY_RESULT_BACKEND", None):
        return []
    return [
        Error(
            "CELERY_RESULT_BACKEND is set.",
            hint="The results of runs are in the database. A result backend is written to just when a run is stopped,"
            " and then nothing may block on gevent. Remove it.",
            id="chatapp.E002",
        )
    ]


@register(TAG)
def check_channel_layer(**kwargs: Any) -> list[CheckMessage]:
    backend = settings.CHANNEL_LAYERS.get("default", {}).get("BACKEND")
    if backend == PUBSUB_LAYER:
        return []
    return [
        Error(
            f"The default channel layer is {backend}.",
            hint=f"Use {PUBSUB_LAYER}. The layer in memory does not reach other processes; channels_redis' core layer"
            " drops messages that a process does not read in time.",
            id="chatapp.E003",
        )
    ]


@register(TAG)
def check_lease(**kwargs: Any) -> list[CheckMessage]:
    if settings.LEASE_SECONDS >= 2 * settings.LEASE_RENEW_SECONDS:
        return []
    return [
        Error(
            f"LEASE_SECONDS ({settings.LEASE_SECONDS:g}) is less than twice LEASE_RENEW_SECONDS"
            f" ({settings.LEASE_RENEW_SECONDS:g}).",
            hint="A single late renewal would end all runs of a healthy worker. Make the lease longer.",
            id="chatapp.E004",
        )
    ]


@register(TAG)
def check_absence(**kwargs: Any) -> list[CheckMessage]:
    away, renewal = settings.STREAMS_RETURN_SECONDS, settings.STREAMS_SWEEP_SECONDS
    if renewal * 1.5 <= away <= settings.VIEWER_SECONDS - renewal:
        return []
    return [
        Warning(
            f"STREAMS_RETURN_SECONDS ({away:g}) does not fit STREAMS_SWEEP_SECONDS ({renewal:g}) and VIEWER_SECONDS"
            f" ({settings.VIEWER_SECONDS:g}).",
            hint="A page renews the lease of a comparison's answers with every sweep. If an absence is shorter than one"
            " and a half of those, an answer that another tab follows may be stopped; if it is longer than the lease"
            " less one of them, the page is waited for in vain.",
            id="chatapp.W003",
        )
    ]


@register(TAG)
def check_debug(**kwargs: Any) -> list[CheckMessage]:
    if not settings.DEBUG or not public_hosts():
        return []
    return [
        Error(
            f"DEBUG is on while ALLOWED_HOSTS contains {', '.join(public_hosts())}.",
            hint="Django's debug pages show settings and data to every visitor. Set DEBUG=0, or remove the public names"
            " from ALLOWED_HOSTS.",
            id="chatapp.E005",
        )
    ]


@register(Tags.security, TAG, deploy=True)
def check_secret_key(**kwargs: Any) -> list[CheckMessage]:
    if os.environ.get("SECRET_KEY") or settings.DEBUG or not public_hosts():
        return []
    return [
        Warning(
            "SECRET_KEY is not set, so the key made for this DATA_DIR is used.",
            hint="That works on one machine only. With web servers on several machines, a log-in at one would not be"
            " valid at the others: set SECRET_KEY to the same long random text everywhere.",
            id="chatapp.W001",
        )
    ]


@register(TAG)
def check_provider_keys(**kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"PROVIDER_KEYS has an invalid entry: {entry}.",
            hint="Each entry is NAME or NAME@host, and never the name of one of this site's settings: staff who may add"
            " a provider could have its value sent anywhere.",
            id="chatapp.E006",
        )
        for entry in provider_keys.malformed_entries()
    ]


@register(Tags.database)
def check_keys_of_providers(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Run by `migrate` and by `check --database default`."""
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
    """The allowed hosts other than this machine itself."""
    return [host for host in settings.ALLOWED_HOSTS if host not in LOCAL_HOSTS]
