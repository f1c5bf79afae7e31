"""Model servers on this machine: found by asking for their lists of models on the ports that they are known by.

Only loopback is asked, and only when staff ask for it. The site's own ports are left out: a request to ourselves would
wait for the thread that makes it, and our own API is not a model server.
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from django.conf import settings

from runs.errors import RunError, UpstreamForbidden, UpstreamUnauthorized
from runs.models import Provider
from runs.upstream.servers.model_list import fetch_models
from runs.upstream.servers.presets import Preset, find_preset

HOST = "127.0.0.1"
TIMEOUT_SECONDS = 1.0  # s until a port counts as silent: a server on this machine answers within milliseconds
OWNERS = {"library": "ollama", "llamacpp": "llama-cpp", "vllm": "vllm", "organization_owner": "lm-studio"}


class FoundServer(NamedTuple):
    """A server that lists models, or asks for a key before it does."""

    port: int
    preset: Preset | None  # which server it is, as far as can be told
    models: int = 0
    needs_key: bool = False

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}/v1"

    @property
    def label(self) -> str:
        return self.preset.label if self.preset else "A model server"


def find_servers(own_ports: Collection[int] = ()) -> list[FoundServer]:
    """The model servers that answer on DISCOVERY_PORTS, asked all at once. `own_ports` are not asked.

    Blocks for up to about TIMEOUT_SECONDS.
    """
    ports = [port for port in dict.fromkeys(_ports()) if port not in {*own_ports, settings.PORT, *_demo_ports()}]
    if not ports:
        return []
    with ThreadPoolExecutor(max_workers=len(ports), thread_name_prefix="discovery") as threads:
        return [server for server in threads.map(_ask, ports) if server is not None]


def _ports() -> list[int]:
    return [port for text in settings.DISCOVERY_PORTS if text.isdigit() and 0 < (port := int(text)) < 65_536]


def _demo_ports() -> set[int]:
    """The bundled model is there already."""
    ports = (provider.origin[2] for provider in Provider.objects.filter(name=Provider.DEMO))
    return {port for port in ports if port}


def _ask(port: int) -> FoundServer | None:
    base_url = f"http://{HOST}:{port}/v1"
    usual = next(
        (preset for preset in map(find_preset, OWNERS.values()) if preset and preset.base_url == base_url), None
    )
    try:
        models = fetch_models(base_url, key=None, timeout=TIMEOUT_SECONDS, is_direct=True)
    except (UpstreamForbidden, UpstreamUnauthorized):
        return FoundServer(port, usual, needs_key=True)
    except RunError:
        return None
    owners = {OWNERS[model.owner] for model in models if model.owner in OWNERS}
    return FoundServer(port, find_preset(owners.pop()) if len(owners) == 1 else usual, len(models))
