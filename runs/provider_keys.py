"""Which environment variables hold providers' keys, and to which hosts each key may be sent.

The environment also holds the secrets of the database, the broker and the site. A provider's configuration names a
variable and an address; without a rule, staff could have any secret sent anywhere as a bearer token. So only these
variables are read:

* `PROVIDER_KEY_…`, for any host;
* those listed in the setting PROVIDER_KEYS, as `NAME`, or as `NAME@host` for that host only;
* the well-known ones below, for their provider's host, unless PROVIDER_KEYS lists the same name.

A variable that the settings read is never sent.
"""

import re
from collections.abc import Iterable
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


def key_fault(name: str, base_url: str) -> str:
    """Why the variable `name` may not be sent to `base_url`, for staff; empty if it may."""
    if name in settings.SETTINGS_VARIABLES:
        return f"{name} is a setting of this site, not a provider's key."
    if name.startswith(PREFIX) and len(name) > len(PREFIX):
        return ""
    hosts, host = _allowed_hosts().get(name), host_of(base_url)
    if hosts is None:
        return (
            f"{name} is not known as a provider's key. Name it {PREFIX}…, or set PROVIDER_KEYS={name}@{host} for web"
            " servers and workers."
        )
    if not any(_matches(allowed, host) for allowed in hosts):
        return (
            f"{name} may be sent to {' or '.join(sorted(hosts))} only, not to {host}. Name the variable {PREFIX}…, or"
            f" set PROVIDER_KEYS={name}@{host} for web servers and workers."
        )
    return ""


def malformed_entries() -> list[str]:
    """Entries of PROVIDER_KEYS that are not `NAME` or `NAME@host`, or name a setting."""
    matches = {entry: ENTRY.fullmatch(entry) for entry in settings.PROVIDER_KEYS}
    return [entry for entry, match in matches.items() if not match or match["name"] in settings.SETTINGS_VARIABLES]


def host_of(base_url: str) -> str:
    """The host of `base_url`, as the HTTP client parses it; empty if it is not a URL."""
    try:
        return (urlsplit(base_url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def origin_of(base_url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of `base_url`."""
    try:
        url = urlsplit(base_url)
        return url.scheme, host_of(base_url), url.port
    except ValueError:
        return "", "", None


def _allowed_hosts() -> dict[str, set[str]]:
    """The hosts that each variable may be sent to; `*` is any."""
    return {**_parse(WELL_KNOWN), **_parse(settings.PROVIDER_KEYS)}


def _parse(entries: Iterable[str]) -> dict[str, set[str]]:
    hosts: dict[str, set[str]] = {}
    for match in filter(None, map(ENTRY.fullmatch, entries)):
        hosts.setdefault(match["name"], set()).add((match["host"] or "*").lower())
    return hosts


def _matches(pattern: str, host: str) -> bool:
    if pattern == "*":
        return bool(host)
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and host != pattern[1:]
    return host == pattern


def address_fault(base_url: str) -> str:
    """What is wrong with a provider's address; empty if nothing is."""
    try:
        url = urlsplit(base_url)
        is_address = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:  # malformed brackets or port
        is_address = False
    if not is_address or re.search(r"\s", base_url):
        return "Enter an address such as http://127.0.0.1:11434/v1."
    if url.username is not None or url.password is not None:
        return "Do not put a key or password into the address: anyone who sees the address would see it."
    if url.query or url.fragment or url.path.endswith("/completions"):
        return "The address must end with the path that all requests share, usually /v1."
    return ""
