"""Find a model by what a program calls it: its name on this site, its name at the provider, or an alias."""

from django.contrib.auth.models import AbstractBaseUser

from runs.errors import ModelUnknown
from runs.models import Model


def find_model(name: str, user: AbstractBaseUser) -> Model:
    """The model with this name that `user` may use; if there is none, by its name at the provider, then by alias.

    Raises ModelUnknown.
    """
    usable = Model.objects.usable_by(user).select_related("provider").defer("provider__listed")
    for lookup in ({"name": name}, {"upstream_id": name}, {"aliases__name": name}):
        if (model := usable.filter(**lookup).first()) is not None:
            return model
    raise ModelUnknown


def name_of(requested: str, user: AbstractBaseUser) -> str:
    """The name on this site; empty, for the default model, if none is requested. Raises ModelUnknown."""
    return find_model(requested, user).name if requested else ""
