"""Requests that are made once, however often they are sent (B21).

What a request makes and its key are written in one transaction: a crash leaves both or neither, and a request that was
refused leaves its key free. The answer is made anew from what was made, as that is now.
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


def key_of(request: Request) -> str:
    """The key under which a request is made once; empty if there is none."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > KEY_CHARACTERS or not key.isprintable():
        raise ValidationError({"Idempotency-Key": [f"At most {KEY_CHARACTERS} printable characters."]})
    return key


def once(request: Request, taken: object, make: Callable[[], models.Model], found: models.QuerySet) -> models.Model:
    """What `make()` makes, or what it made for the first request with this key, from among `found`.

    `taken` is what the request's body says. Raises KeyReused for another body, Gone for what was deleted since.
    """
    key = key_of(request)
    pk = _once(request, key, taken, make) if key else make().pk
    made = found.filter(pk=pk).first()
    if made is None:
        raise Gone
    return made


@transaction.atomic
def _once(request: Request, key: str, taken: object, make: Callable[[], models.Model]) -> UUID:
    body = sha256(json.dumps(taken, sort_keys=True, default=str).encode(errors="replace")).hexdigest()
    _forget_old(request.user)
    kept, is_new = IdempotencyKey.objects.get_or_create(
        owner=request.user, address=request.path, key=key, defaults={"fingerprint": body}
    )
    if not is_new:
        if kept.fingerprint != body:
            raise KeyReused
        return kept.made
    kept.made = make().pk
    kept.save(update_fields=["made"])
    return kept.made


def _forget_old(user) -> None:
    """Whoever sends keys tidies up after himself."""
    since = timezone.now() - timedelta(hours=settings.IDEMPOTENCY_HOURS)
    IdempotencyKey.objects.filter(owner=user, created_at__lt=since).delete()
