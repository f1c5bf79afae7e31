"""The models that can be used."""

from django.http import HttpRequest, JsonResponse

from chatapp.openai.views.endpoint import Client, endpoint, with_database
from runs.errors import ModelUnknown
from runs.models import Model

UNKNOWN_TIME = 0  # s since 1970: when a model was added is not recorded


async def _models(request: HttpRequest, client: Client) -> JsonResponse:
    return JsonResponse({"object": "list", "data": await _listed()})


async def _model(request: HttpRequest, client: Client, name: str) -> JsonResponse:
    for model in await _listed():
        if model["id"] == name:
            return JsonResponse(model)
    raise ModelUnknown


@with_database
def _listed() -> list[dict]:
    """The enabled models, the default first."""
    enabled = Model.objects.filter(enabled=True).select_related("provider")
    return [
        {"id": model.name, "object": "model", "created": UNKNOWN_TIME, "owned_by": model.provider.name}
        for model in enabled
    ]


models, model = endpoint(get=_models), endpoint(get=_model)
