"""The providers and models that users can choose from, as `manage.py add_provider` and the admin change them."""

import re
from collections.abc import Sequence

from django.db import transaction

from runs.models import Model, Provider


@transaction.atomic
def add_provider(name: str, base_url: str, key_env: str | None, upstream_ids: Sequence[str]) -> list[Model]:
    """Add or update a provider and models of it. Returns the models in the order given.

    Idempotent. `key_env` None leaves the key variable as it is. Models that are not named stay.
    Raises ValidationError, and then writes nothing.
    """
    provider = Provider.objects.filter(name=name).first() or Provider(name=name)
    provider.base_url = base_url
    provider.key_env = provider.key_env if key_env is None else key_env
    provider.full_clean()
    provider.save()
    return [_add_model(provider, upstream_id) for upstream_id in upstream_ids]


@transaction.atomic
def make_default(model: Model) -> None:
    """Make `model` the one that answers where none is chosen, and enable it."""
    Model.objects.filter(is_default=True).exclude(pk=model.pk).update(is_default=False)
    Model.objects.filter(pk=model.pk).update(is_default=True, enabled=True)
    model.refresh_from_db()


def _add_model(provider: Provider, upstream_id: str) -> Model:
    model = provider.models.filter(upstream_id=upstream_id).first()
    if model is None:
        name = _free_name(provider, upstream_id)
        model = Model(provider=provider, upstream_id=upstream_id, name=name, label=upstream_id[:100])
    model.enabled = True
    model.full_clean()
    model.save()
    return model


def _free_name(provider: Provider, upstream_id: str) -> str:
    """An unused name for a model: llama3-2-3b for `llama3.2:3b`, ollama-llama3-2-3b if that name is in use."""
    name = re.sub(r"[^A-Za-z0-9_]+", "-", upstream_id).strip("-")[:90]
    candidates = [name, f"{provider.name}-{name}"[:100], *(f"{name}-{number}" for number in range(2, 100))]
    used = set(Model.objects.filter(name__in=candidates).values_list("name", flat=True))
    return next((candidate for candidate in candidates if candidate not in used), name)
