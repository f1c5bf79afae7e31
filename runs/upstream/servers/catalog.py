"""The providers and models that users can choose from, as the pages, the admin and `add_provider` change them."""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.utils import timezone

from runs.models import Model, Provider
from runs.upstream.context.windows import LEAST_WINDOW
from runs.upstream.servers.model_list import ListedModel, fetch_models

MAX_NAME_CHARACTERS = 100  # of a Model
CAPABILITIES = ("context_window", "has_chat", "has_vision", "has_tools", "has_reasoning")  # also of a ListedModel
EMBEDS = re.compile(r"embed|(^|[/_:-])(bge|gte|e5|all-minilm|(jina-)?rerank\w*)([/_.:-]|$)", re.IGNORECASE)


def may_manage_models(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether `user` decides which models there are for whom, under which names."""
    return bool(getattr(user, "is_staff", False)) and user.has_perm("runs.change_model")  # type: ignore[union-attr]


def may_connect(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether `user` sets the addresses and keys of providers. To choose where a key goes is to have it."""
    return bool(getattr(user, "is_staff", False)) and user.has_perm("runs.connect_provider")  # type: ignore[union-attr]


@transaction.atomic
def add_provider(name: str, base_url: str, key_env: str | None, upstream_ids: Sequence[str]) -> list[Model]:
    """Add or update a provider and models of it. Returns the models in the order given.

    Idempotent. `key_env` None leaves the key as it is. Models that are not named stay.
    Raises ValidationError, and then writes nothing.
    """
    provider = Provider.objects.filter(name=name).first() or Provider(name=name)
    provider.base_url = base_url
    if key_env is not None:
        provider.key_env, provider.stored_key = key_env, ""
    provider.full_clean()
    provider.save()
    return add_models(provider, upstream_ids)


@transaction.atomic
def add_models(provider: Provider, upstream_ids: Iterable[str]) -> list[Model]:
    """Add these models of the server, or enable those that are there. Raises ValidationError."""
    return [_add_model(provider, upstream_id) for upstream_id in upstream_ids]


@transaction.atomic
def offer_models(provider: Provider, upstream_ids: Iterable[str]) -> list[Model]:
    """Add or enable exactly these models of the provider, and disable its others. Their settings are kept.

    Without a default model, or with the demo model as the default, the first one becomes the default.
    Raises ValidationError.
    """
    chosen = list(dict.fromkeys(upstream_ids))
    models = add_models(provider, chosen)
    provider.models.exclude(upstream_id__in=chosen).update(enabled=False, is_default=False)
    chatting = [model for model in models if model.has_chat is not False]
    if chatting and not Model.objects.enabled().filter(is_default=True).exclude(provider__name=Provider.DEMO).exists():
        make_default(chatting[0])
    return models


def refresh_list(provider: Provider) -> list[ListedModel]:
    """Ask the server for its list of models, and store it. Raises RunError. Blocks: the server is asked."""
    listed = fetch_models(provider.base_url, provider.key)
    provider.listed, provider.listed_at = [list(model) for model in listed], timezone.now()
    provider.save(update_fields=["listed", "listed_at"])
    _complete_models(provider, listed)
    return listed


def listed_models(provider: Provider) -> list[ListedModel]:
    """The server's list as it was stored."""
    return [ListedModel(*row[: len(ListedModel._fields)]) for row in provider.listed or ()]


@transaction.atomic
def make_default(model: Model) -> None:
    """Make `model` the one that answers where none is chosen, and enable it."""
    Model.objects.filter(is_default=True).exclude(pk=model.pk).update(is_default=False)
    Model.objects.filter(pk=model.pk).update(is_default=True, enabled=True)
    model.refresh_from_db()


def free_provider_name(wanted: str) -> str:
    """`wanted`, or with the first number that makes it unused."""
    used = set(Provider.objects.filter(name__startswith=wanted[:40]).values_list("name", flat=True))
    candidates = [wanted, *(f"{wanted[:46]}-{number}" for number in range(2, 1_000))]
    return next(candidate for candidate in candidates if candidate not in used)


def _add_model(provider: Provider, upstream_id: str) -> Model:
    model = provider.models.filter(upstream_id=upstream_id).first()
    if model is None:
        name = _free_name(provider, upstream_id)
        model = Model(provider=provider, upstream_id=upstream_id, name=name, label=upstream_id[:100])
        _take_over(model, next((each for each in listed_models(provider) if each.id == upstream_id), None))
        _guess_by_name(model)
    model.enabled = True
    model.full_clean()
    model.save()
    return model


def _take_over(model: Model, listed: ListedModel | None) -> None:
    """What the server says about a new model; staff can change it."""
    if listed is None:
        return
    if listed.input_price is not None and listed.output_price is not None:
        model.input_price, model.output_price = Decimal(listed.input_price), Decimal(listed.output_price)
    for name in CAPABILITIES:
        setattr(model, name, _usable_value(listed, name))


@transaction.atomic
def _complete_models(provider: Provider, listed: Iterable[ListedModel]) -> None:
    """What the server says about models that are there already, where nothing else is known: staff decide."""
    by_id = {each.id: each for each in listed}
    for model in provider.models.select_for_update(of=("self",)):
        if (entry := by_id.get(model.upstream_id)) is None:
            continue
        unknown = [name for name in CAPABILITIES if getattr(model, name) is None]
        for name in unknown:
            setattr(model, name, _usable_value(entry, name))
        _guess_by_name(model)
        if unknown:
            model.save(update_fields=unknown)


def _guess_by_name(model: Model) -> None:
    """Most servers do not say which models only make vectors, and names do."""
    if model.has_chat is None and EMBEDS.search(model.upstream_id):
        model.has_chat = False


def _usable_value(listed: ListedModel, name: str) -> int | bool | None:
    """None for a context window that is too small to be one."""
    value = getattr(listed, name)
    return None if name == "context_window" and value is not None and value < LEAST_WINDOW else value


def _free_name(provider: Provider, upstream_id: str) -> str:
    """The name at the provider, such as `llama3.2:3b` or `Qwen/Qwen3-8B`; `ollama/llama3.2:3b` if it is in use."""
    name = re.sub(r"[\s\x00-\x1f\x7f]+", "-", upstream_id.strip())[:MAX_NAME_CHARACTERS]
    candidates = [name, f"{provider.name}/{name}"[:MAX_NAME_CHARACTERS]]
    candidates += [f"{name[: MAX_NAME_CHARACTERS - 4]}-{number}" for number in range(2, 100)]
    used = set(Model.objects.filter(name__in=candidates).values_list("name", flat=True))
    return next((candidate for candidate in candidates if candidate not in used), name)
