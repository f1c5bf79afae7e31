"""The page of all providers and their models."""

from dataclasses import dataclass

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from chatapp.web.providers.permissions import managers_only, models_page
from runs.models import Model, Provider


@dataclass
class ProviderPart:
    """One section of the page: a provider with its enabled models, and how many are disabled."""

    provider: Provider
    models: list[Model]
    disabled: list[Model]


@require_GET
@managers_only
def show_models(request: HttpRequest) -> HttpResponse:
    models = Model.objects.order_by("position", "label").prefetch_related("groups")
    providers = (
        Provider.objects.defer("listed").order_by("position", "name").prefetch_related(Prefetch("models", models))
    )
    parts = [
        ProviderPart(
            provider,
            [model for model in provider.models.all() if model.enabled],
            [model for model in provider.models.all() if not model.enabled],
        )
        for provider in providers
    ]
    return models_page(request, "models", {"parts": parts})
