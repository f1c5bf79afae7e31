"""The models that can be used."""

from django.http import HttpRequest, JsonResponse

from chatapp.openai.model_names import find_model
from chatapp.openai.views.endpoint import Client, endpoint, with_database
from runs.models import Model

UNKNOWN_TIME = 0  # s since 1970: when a model was added is not recorded


async def _models(request: HttpRequest, client: Client) -> JsonResponse:
    return JsonResponse({"object": "list", "data": await _listed()})


async def _model(request: HttpRequest, client: Client, name: str) -> JsonResponse:
    return JsonResponse(_described(await _found(name)))


_found = with_database(find_model)


@with_database
def _listed() -> list[dict]:
    """The enabled models, the default first."""
    return [_described(model) for model in Model.objects.filter(enabled=True).select_related("provider")]


def _described(model: Model) -> dict:
    return {"id": model.name, "object": "model", "created": UNKNOWN_TIME, "owned_by": model.provider.name}


models, model = endpoint(get=_models), endpoint(get=_model)
