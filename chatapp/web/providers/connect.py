"""Connect a model server: one that is found on this machine, one from the list of presets, or any other."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from chatapp.web.providers.forms import ProviderForm
from chatapp.web.providers.permissions import connectors_only, models_page
from runs.errors import RunError
from runs.models import Provider
from runs.upstream.servers import catalog, presets
from runs.upstream.servers.discovery import FoundServer, find_servers
from runs.upstream.servers.model_list import describe_failure


@require_http_methods(["GET", "POST"])
@connectors_only
def choose_server(request: HttpRequest) -> HttpResponse:
    """GET: how to connect. POST: look for servers on this machine, and show them; nothing is asked before that."""
    found = find_servers(_own_ports(request)) if request.method == "POST" else None
    context = {
        "is_searched": found is not None,
        "found": [(server, _provider_at(server)) for server in found or ()],
        "local": presets.local_presets(),
        "hosted": presets.hosted_presets(),
    }
    return models_page(request, "connect", context)


def _own_ports(request: HttpRequest) -> set[int]:
    """Where this site is served: as the browser sees it, and as this process listens."""
    ports = (request.get_port(), request.META.get("SERVER_PORT", ""))
    return {int(port) for port in ports if port.isdigit()}


def _provider_at(server: FoundServer) -> Provider | None:
    """The provider that this server already is."""
    wanted = {server.base_url, server.base_url.replace("127.0.0.1", "localhost")}
    return Provider.objects.filter(base_url__in=wanted).order_by("pk").first()


@sensitive_post_parameters("key")
@require_http_methods(["GET", "POST"])
@connectors_only
def connect_server(request: HttpRequest) -> HttpResponse:
    """The form of a new provider (`?preset=`, or `?address=` of a found one). POST saves it and asks for its models."""
    preset = presets.find_preset(request.GET.get("preset", ""))
    provider = Provider(name=catalog.free_provider_name(preset.name if preset else "server"))
    if preset is not None and (address := request.GET.get("address", "")[:500]):
        preset = preset._replace(base_url=address)
    form = ProviderForm(request.POST or None, provider=provider, preset=preset)
    if request.method == "GET" or not form.is_valid():
        context = {"form": form, "preset": preset, "is_new": True}
        return models_page(request, "server", context, status=422 if form.errors else 200)
    provider.save()
    return ask_for_models(request, provider)


def ask_for_models(request: HttpRequest, provider: Provider) -> HttpResponse:
    """Test the connection by asking for the list of models; then on to choosing, or back to the form."""
    try:
        listed = catalog.refresh_list(provider)
    except RunError as error:
        messages.error(request, f"{provider} doesn’t respond as expected: {describe_failure(error)}")
        return redirect("provider", provider.pk)
    count = f"{len(listed)} model{'' if len(listed) == 1 else 's'}"
    messages.success(request, f"Connected. {provider} has {count}.")
    return redirect("provider_models", provider.pk)
