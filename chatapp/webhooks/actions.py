"""Actions of owners and staff on endpoints and deliveries."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from chatapp.errors import AppError
from chatapp.webhooks.client import address_fault
from chatapp.webhooks.models import Delivery, DisabledReason, Endpoint, State
from chatapp.webhooks.signing import new_secret
from runs import clock

MAX_ENDPOINTS = 10  # per user


class TooManyEndpoints(AppError):
    """You have reached the limit of webhooks. Delete one first."""

    code = "too_many_endpoints"
    status = 409


class BadAddress(AppError):
    """Webhooks cannot be sent to this address."""

    code = "bad_address"
    status = 422


@transaction.atomic
def make_endpoint(owner: AbstractBaseUser, url: str, ends: list[str]) -> Endpoint:
    """Create an endpoint for runs that end from now on. Raises BadAddress, TooManyEndpoints."""
    if fault := address_fault(url):
        raise BadAddress(message=fault)
    get_user_model().objects.select_for_update(no_key=True).get(pk=owner.pk)  # concurrent calls could exceed the limit
    if Endpoint.objects.filter(owner=owner).count() >= MAX_ENDPOINTS:
        raise TooManyEndpoints
    now = clock.read()
    return Endpoint.objects.create(owner=owner, url=url, ends=ends, enabled_at=now, swept_until=now)


def switch_off(endpoint: Endpoint) -> None:
    """Disable an endpoint. Pending deliveries stay, and resume when it is enabled again."""
    Endpoint.objects.filter(pk=endpoint.pk, is_enabled=True).update(is_enabled=False, disabled_why=DisabledReason.OWNER)


def switch_on(endpoint: Endpoint) -> None:
    """Enable an endpoint from now on: runs that ended while it was disabled are not delivered."""
    now = clock.now()
    fields = {"is_enabled": True, "disabled_why": "", "failures": 0, "enabled_at": now, "swept_until": now}
    Endpoint.objects.filter(pk=endpoint.pk, is_enabled=False).update(**fields)


def renew_secret(endpoint: Endpoint) -> str:
    """Create a new secret, used from the next attempt on, including for pending deliveries."""
    endpoint.secret = new_secret()
    endpoint.save(update_fields=["secret"])
    return endpoint.secret


def send_again(delivery: Delivery) -> bool:
    """Deliver the same message again, with all attempts. Returns False if it is still pending."""
    ended = Delivery.objects.filter(pk=delivery.pk).exclude(state=State.PENDING)
    return bool(ended.update(state=State.PENDING, attempts=0, next_attempt_at=clock.now(), ended_at=None))
