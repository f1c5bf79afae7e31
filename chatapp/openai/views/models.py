"""The models that can be used."""

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, JsonResponse

from chatapp.openai.model_names import find_model
from chatapp.openai.views.endpoint import Client, endpoint, with_database
from runs.models import Model


async def _models(request: HttpRequest, client: Client) -> JsonResponse:
    return JsonResponse({"object": "list", "data": await _listed(client.user)})


async def _model(request: HttpRequest, client: Client, name: str) -> JsonResponse:
    return JsonResponse(_described(await _found(name, client.user)))


_found = with_database(find_model)


@with_database
def _listed(user: AbstractBaseUser) -> list[dict]:
    """The models that `user` may use, the default first."""
    usable = Model.objects.usable_by(user).select_related("provider").defer("provider__listed")
    return [_described(model) for model in usable]


def _described(model: Model) -> dict:
    created = int(model.added_at.timestamp())
    return {"id": model.name, "object": "model", "created": created, "owned_by": model.provider.name}


models, model = endpoint(get=_models), endpoint(get=_model)
