"""Which environment variables hold keys of providers, and where each may be sent.

The environment holds other secrets, too: of the database, the broker, the site itself. Whoever may configure a provider
names a variable and an address, and would get any of them as a bearer token. So only these are read:

* `PROVIDER_KEY_…`, for any address;
* those that the setting PROVIDER_KEYS lists, as `NAME` or as `NAME@host`, which goes to that host only;
* the well-known ones below, each for its own provider's host, unless PROVIDER_KEYS says otherwise of that name.

Never a variable that the settings themselves read.
"""

import re
from urllib.parse import urlsplit

from django.conf import settings

PREFIX = "PROVIDER_KEY_"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ENTRY = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:@(?P<host>(?:\*\.)?[^@/\s*]+))?")

WELL_KNOWN = (
    "ANTHROPIC_API_KEY@api.anthropic.com",
    "AZURE_OPENAI_API_KEY@*.openai.azure.com",
    "CEREBRAS_API_KEY@api.cerebras.ai",
    "COHERE_API_KEY@api.cohere.ai",
    "COHERE_API_KEY@api.cohere.com",
    "DEEPINFRA_API_KEY@api.deepinfra.com",
    "DEEPSEEK_API_KEY@api.deepseek.com",
    "FIREWORKS_API_KEY@api.fireworks.ai",
    "GEMINI_API_KEY@generativelanguage.googleapis.com",
    "GROQ_API_KEY@api.groq.com",
    "HF_TOKEN@router.huggingface.co",
    "MISTRAL_API_KEY@api.mistral.ai",
    "MOONSHOT_API_KEY@api.moonshot.ai",
    "NVIDIA_API_KEY@integrate.api.nvidia.com",
    "OPENAI_API_KEY@api.openai.com",
    "OPENROUTER_API_KEY@openrouter.ai",
    "PERPLEXITY_API_KEY@api.perplexity.ai",
    "TOGETHER_API_KEY@api.together.ai",
    "TOGETHER_API_KEY@api.together.xyz",
    "XAI_API_KEY@api.x.ai",
    "LOCAL_MODEL_KEY@127.0.0.1",  # of the demo model that `make run` starts
)


def reason_against(name: str, base_url: str) -> str:
    """Why the variable `name` is not sent to `base_url`, in words for staff; empty if it is."""
    if name in settings.SETTINGS_VARIABLES:
        return f"{name} is a setting of this site, not a provider's key."
    if name.startswith(PREFIX) and len(name) > len(PREFIX):
        return ""
    hosts, host = _hosts().get(name), host_of(base_url)
    if hosts is None:
        return (
            f"{name} is not known as a provider's key. Call it {PREFIX}…, or set PROVIDER_KEYS={name}@{host} where web"
            " servers and workers run."
        )
    if not any(_covers(allowed, host) for allowed in hosts):
        return (
            f"{name} is for {' or '.join(sorted(hosts))} only, not for {host}. Call the variable {PREFIX}…, or set"
            f" PROVIDER_KEYS={name}@{host} where web servers and workers run."
        )
    return ""


def malformed_entries() -> list[str]:
    """Entries of PROVIDER_KEYS that are not `NAME` or `NAME@host`, or name a setting."""
    matches = {entry: ENTRY.fullmatch(entry) for entry in settings.PROVIDER_KEYS}
    return [entry for entry, match in matches.items() if not match or match["name"] in settings.SETTINGS_VARIABLES]


def host_of(base_url: str) -> str:
    """The host that a request to `base_url` goes to, read as the HTTP client reads it."""
    try:
        return (urlsplit(base_url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def origin_of(base_url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address."""
    try:
        url = urlsplit(base_url)
        return url.scheme, host_of(base_url), url.port
    except ValueError:
        return "", "", None


def _hosts() -> dict[str, set[str]]:
    """For each variable the hosts that it may be sent to; `*` is any."""
    listed, known = _parsed(settings.PROVIDER_KEYS), _parsed(WELL_KNOWN)
    return {**known, **listed}


def _parsed(entries) -> dict[str, set[str]]:
    hosts: dict[str, set[str]] = {}
    for match in filter(None, map(ENTRY.fullmatch, entries)):
        hosts.setdefault(match["name"], set()).add((match["host"] or "*").lower())
    return hosts


def _covers(allowed: str, host: str) -> bool:
    if allowed == "*":
        return bool(host)
    if allowed.startswith("*."):
        return host.endswith(allowed[1:]) and host != allowed[1:]
    return host == allowed
