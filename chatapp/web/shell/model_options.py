"""The models that a user can choose from, in the order and groups in which lists of models show them."""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from chatapp.chats.models import Session
from runs.models import Model

MANY = 9  # from so many models on a list has groups
RECENT_SESSIONS = 30  # the newest of the user's, in which
RECENT_MODELS = 5  # models count as recently used
SHOWN = ("name", "label", "is_default", "position", "has_vision", "has_reasoning", "provider")
SHOWN_OF_PROVIDER = ("provider__name", "provider__label", "provider__position")


@dataclass
class ModelGroup:
    """Models under one heading; empty: the only group of a short list."""

    heading: str
    models: list[Model]


def usable_models(user: AbstractBaseUser | AnonymousUser) -> list[Model]:
    """All that `user` may choose; the default comes first."""
    return list(Model.objects.for_chats_of(user).select_related("provider").only(*SHOWN, *SHOWN_OF_PROVIDER))


def has_choice(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether `user` may choose between models."""
    return len(Model.objects.for_chats_of(user).order_by().values_list("pk")[:2]) > 1


def grouped(models: list[Model], user: AbstractBaseUser | AnonymousUser) -> list[ModelGroup]:
    """Each model once: the user's favourites, those used recently, then the others by provider."""
    if len(models) < MANY:
        return [ModelGroup("", models)]
    favourites = set(Model.objects.filter(favourite_of=user.pk).values_list("pk", flat=True))
    recent = _recent_names(user)
    by_name = {model.name: model for model in models}
    groups = {
        "Favourites": [model for model in models if model.pk in favourites],
        "Recently used": [by_name[name] for name in recent if name in by_name and by_name[name].pk not in favourites],
    }
    groups["Recently used"] = groups["Recently used"][:RECENT_MODELS]
    shown = {model.pk for group in groups.values() for model in group}
    for model in sorted(models, key=lambda model: (model.provider.position, str(model.provider).lower())):
        if model.pk not in shown:
            groups.setdefault(str(model.provider), []).append(model)
    return [ModelGroup(heading, members) for heading, members in groups.items() if members]


def _recent_names(user: AbstractBaseUser | AnonymousUser) -> list[str]:
    newest = Session.objects.filter(owner=user.pk, is_listed=True).exclude(model="").order_by("-active_at")
    return list(dict.fromkeys(newest.values_list("model", flat=True)[:RECENT_SESSIONS]))
