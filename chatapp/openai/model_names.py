"""Find a model by what a program calls it: its name on this site, its name at the provider, or an alias."""

from runs.errors import ModelUnknown
from runs.models import Model


def find_model(name: str) -> Model:
    """The enabled model with this name; if there is none, by its name at the provider, then by alias.

    Raises ModelUnknown.
    """
    enabled = Model.objects.filter(enabled=True).select_related("provider")
    for lookup in ({"name": name}, {"upstream_id": name}, {"aliases__name": name}):
        if (model := enabled.filter(**lookup).first()) is not None:
            return model
    raise ModelUnknown


def name_of(requested: str) -> str:
    """The name on this site; empty, for the default model, if none is requested. Raises ModelUnknown."""
    return find_model(requested).name if requested else ""
