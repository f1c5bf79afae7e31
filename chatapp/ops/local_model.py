"""The local demo model: when to start it, and its entry in the database."""

import platform
import secrets
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from chatapp.ops.model_server import UPSTREAM_ID, weights
from chatapp.ops.network_probes import free_port
from runs.models import Model, Provider

KEY_ENV = "LOCAL_MODEL_KEY"
SYSTEM_PROMPT = "You are a helpful assistant. Answer in plain English, in one or two short sentences."
PARAMETERS = {"temperature": 0.3, "repeat_penalty": 1.1}  # at higher temperatures it writes nonsense


class LocalModel(NamedTuple):
    port: int
    key: str  # new at each start; server and worker get it in their environment

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


def prepare() -> LocalModel:
    return LocalModel(free_port(), secrets.token_urlsafe(24))


def reason_not_to_start(cpu_info: Path = Path("/proc/cpuinfo")) -> str:
    """Why the local model is not started, for the console; empty if it is."""
    if settings.LOCAL_MODEL == "0":
        return "LOCAL_MODEL=0"
    if settings.LOCAL_MODEL != "1" and Model.objects.enabled().exclude(provider__name=Provider.DEMO).exists():
        return "another model is connected (LOCAL_MODEL=1 starts it anyway)"
    if not (find_spec("xllamacpp") and weights()):
        return f"its packages are not installed; add a model with `{settings.COMMAND} add_provider`"
    if not _has_avx2(cpu_info):
        return f"this processor has no AVX2, which it needs; add a model with `{settings.COMMAND} add_provider`"
    return ""


def _has_avx2(cpu_info: Path) -> bool:
    """Checked on x86 Linux only: other processors don't need it or can't tell."""
    if platform.machine() not in ("x86_64", "AMD64") or not cpu_info.exists():
        return True
    return " avx2" in cpu_info.read_text()


def register(local: LocalModel) -> None:
    """Save the model server's current address. Keeps changes that staff made to the model."""
    provider, _ = Provider.objects.update_or_create(
        name=Provider.DEMO, defaults={"base_url": local.base_url, "key_env": KEY_ENV}
    )
    model, _ = Model.objects.get_or_create(
        name=UPSTREAM_ID,
        defaults={
            "label": "SmolLM2 135M (demo)",
            "provider": provider,
            "upstream_id": UPSTREAM_ID,
            "system_prompt": SYSTEM_PROMPT,
            "parameters": PARAMETERS,
        },
    )
    model.enabled = True
    model.is_default = not Model.objects.filter(is_default=True).exclude(pk=model.pk).exists()
    model.save(update_fields=["enabled", "is_default"])


def retire() -> None:
    """Disable the models, whose server is not running."""
    Model.objects.filter(provider__name=Provider.DEMO).update(enabled=False, is_default=False)
