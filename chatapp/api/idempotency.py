"""Idempotency keys: a repeated request creates nothing new (B21).

The key is stored in the transaction that creates the object: a crash leaves both or neither, and a refused request
leaves its key free. The response to a repeated request shows the object as it is now.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from chatapp.api.errors import Gone
from chatapp.api.models import KEY_CHARACTERS, IdempotencyKey
from runs.errors import KeyReused


def idempotency_key(request: Request) -> str:
    """The request's `Idempotency-Key`; empty if it has none."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > KEY_CHARACTERS or not key.isprintable():
        raise ValidationError({"Idempotency-Key": [f"At most {KEY_CHARACTERS} printable characters."]})
    return key


def create_once(
    request: Request, body: object, make: Callable[[], models.Model], queryset: models.QuerySet
) -> models.Model:
    """Return the object that `make()` creates, or the one in `queryset` that the first request with this key created.

    Raises KeyReused if that request had another `body`, Gone if the object was deleted since.
    """
    key = idempotency_key(request)
    pk = _create_once(request, key, body, make) if key else make().pk
    instance = queryset.filter(pk=pk).first()
    if instance is None:
        raise Gone
    return instance


@transaction.atomic
def _create_once(request: Request, key: str, body: object, make: Callable[[], models.Model]) -> UUID:
    fingerprint = sha256(json.dumps(body, sort_keys=True, default=str).encode(errors="replace")).hexdigest()
    _delete_expired(request.user)
    entry, is_new = IdempotencyKey.objects.get_or_create(
        owner=request.user, address=request.path, key=key, defaults={"fingerprint": fingerprint}
    )
    if not is_new:
        if entry.fingerprint != fingerprint:
            raise KeyReused
        return entry.made
    entry.made = make().pk
    entry.save(update_fields=["made"])
    return entry.made


def _delete_expired(user) -> None:
    """Delete the user's expired keys. Users without keys have nothing to clean up."""
    since = timezone.now() - timedelta(hours=settings.IDEMPOTENCY_HOURS)
    IdempotencyKey.objects.filter(owner=user, created_at__lt=since).delete()
