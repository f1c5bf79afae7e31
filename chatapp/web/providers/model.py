"""One model: its name for users, who may use it, its price and what it is capable of."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from chatapp.web.providers.forms import ModelForm
from chatapp.web.providers.permissions import managers_only, models_page
from chatapp.web.shell.decorators import post_only
from runs.models import Model
from runs.upstream.servers import catalog, probe


@require_http_methods(["GET", "POST"])
@managers_only
def edit_model(request: HttpRequest, pk: int) -> HttpResponse:
    model = get_object_or_404(Model.objects.select_related("provider"), pk=pk)
    form = ModelForm(request.POST or None, instance=model)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, f"{model.label} was saved.")
        return redirect("models")
    return models_page(request, "model", {"form": form, "model": model}, status=422 if form.errors else 200)


@post_only
@managers_only
def make_default(request: HttpRequest, pk: int) -> HttpResponse:
    model = get_object_or_404(Model, pk=pk)
    catalog.make_default(model)
    messages.success(request, f"{model.label} is now the default model.")
    return redirect("models")


@post_only
@managers_only
def probe_model(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the model for one token, from this process; workers may be in another network and environment."""
    model = get_object_or_404(Model.objects.select_related("provider"), pk=pk)
    result = probe.probe_model(model)
    messages.add_message(request, messages.SUCCESS if result.is_ok else messages.ERROR, f"{model.label}: {result.text}")
    return redirect("models")
