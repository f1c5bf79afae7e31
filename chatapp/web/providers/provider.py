"""One provider: its address and key, which of its models are offered, and its removal."""

import re

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from chatapp.web.providers.connect import ask_for_models
from chatapp.web.providers.forms import ChosenModelsForm, ProviderForm
from chatapp.web.providers.permissions import connectors_only, models_page
from chatapp.web.shell.decorators import post_only
from runs.models import Provider
from runs.upstream.servers import catalog, presets

PRESELECTED = 12  # a server with at most this many models offers all of them, unless staff choose
NO_CHAT = re.compile(r"embed|whisper|tts|dall-e|moderation|rerank|transcribe|image|audio|realtime", re.IGNORECASE)


@sensitive_post_parameters("key")
@require_http_methods(["GET", "POST"])
@connectors_only
def edit_provider(request: HttpRequest, pk: int) -> HttpResponse:
    """POST saves the address and the key, and asks the server for its models."""
    provider = get_object_or_404(Provider, pk=pk)
    preset = next((each for each in presets.PRESETS if each.base_url == provider.base_url), None)
    form = ProviderForm(request.POST or None, provider=provider, preset=preset)
    if request.method == "GET" or not form.is_valid():
        context = {"form": form, "provider": provider, "preset": preset}
        return models_page(request, "server", context, status=422 if form.errors else 200)
    provider.save()
    return ask_for_models(request, provider)


@post_only
@connectors_only
def refresh_models(request: HttpRequest, pk: int) -> HttpResponse:
    return ask_for_models(request, get_object_or_404(Provider, pk=pk))


@require_http_methods(["GET", "POST"])
@connectors_only
def choose_models(request: HttpRequest, pk: int) -> HttpResponse:
    """The list that the server gave when it was last asked, with boxes. `select`: all or none, without a script."""
    provider = get_object_or_404(Provider, pk=pk)
    listed = catalog.listed_models(provider)
    names = [model.id for model in listed]
    enabled = list(provider.models.filter(enabled=True).values_list("upstream_id", flat=True))
    names += [name for name in enabled if name not in names]  # offered, though the server does not list them
    if request.method == "GET":
        chosen = enabled or (_preselected(names) if len(names) <= PRESELECTED else [])
        return _choice_page(request, provider, ChosenModelsForm(listed=names, initial={"models": chosen}), chosen)
    form = ChosenModelsForm(request.POST, listed=names)
    if request.POST.get("select") in ("all", "none"):
        chosen = names if request.POST["select"] == "all" else []
        others = request.POST.get("others", "")
        form = ChosenModelsForm(listed=names, initial={"models": chosen, "others": others})
        return _choice_page(request, provider, form, chosen)
    if form.is_valid() and _offer(request, provider, form):
        return redirect("models")
    return _choice_page(request, provider, form, request.POST.getlist("models"), status=422)


def _offer(request: HttpRequest, provider: Provider, form: ChosenModelsForm) -> bool:
    try:
        models = catalog.offer_models(provider, form.chosen())
    except ValidationError as error:
        form.add_error(None, error.messages)
        return False
    count = f"{len(models)} model{'' if len(models) == 1 else 's'}"
    messages.success(request, f"{provider} now offers {count if models else 'no models'}.")
    return True


def _preselected(names: list[str]) -> list[str]:
    return [name for name in names if not NO_CHAT.search(name)]


def _choice_page(
    request: HttpRequest, provider: Provider, form: ChosenModelsForm, chosen: list[str], status: int = 200
) -> HttpResponse:
    known = {model.id: model for model in catalog.listed_models(provider)}
    checked = set(chosen)
    rows = [(name, known.get(name), name in checked) for name in form.listed]
    return models_page(request, "choose", {"provider": provider, "form": form, "rows": rows}, status=status)


@require_http_methods(["GET", "POST"])
@connectors_only
def delete_provider(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks for confirmation. Chats and answers stay."""
    provider = get_object_or_404(Provider, pk=pk)
    if request.method == "GET":
        context = {"provider": provider, "count": provider.models.count()}
        return models_page(request, "delete", context)
    name = str(provider)
    provider.delete()
    messages.success(request, f"{name} was removed.")
    return redirect("models")
