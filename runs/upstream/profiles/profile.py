"""What each model server accepts, as one profile per provider and model.

A profile is put together from six layers, and a later one takes precedence: the shipped table by address, the shipped
table by model name, what the model is not capable of (`capabilities`), `Provider.profile`, `Model.profile` (both set by
staff), and `Model.learned`, which the product found out by itself when a server refused a request (`lessons`). A layer
is a JSON object with the fields of `Profile`; `omit`, `rename` and `body` add to those of the layers before.
docs/providers.md has the table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from runs.models import RESERVED_PARAMETERS, Model, Provider
from runs.provider_keys import host_of
from runs.upstream.profiles.capabilities import capability_layer
from runs.upstream.profiles.shipped import MODELS, SERVERS, Layer

OPTIONS = {
    "max_tokens": ("", "max_tokens", "max_completion_tokens"),
    "system": ("system", "developer", "user"),
    "reasoning": ("never", "kept", "required"),
}


@dataclass(frozen=True)
class Profile:
    max_tokens: str = ""  # name of the limit of an answer; empty: the name it was given by
    system: str = "system"  # role of instructions; user: folded into the first message of the user
    alternate: bool = False  # neighbours of one role are merged into one message
    prefix: bool = False  # an answer to be completed, the last message, is marked as such
    reasoning: str = "never"  # of earlier messages with tool calls: never sent back, kept if given, or required
    signatures: bool = False  # tool calls need a thought signature
    omit: frozenset[str] = frozenset()  # parameters that are not sent
    rename: Mapping[str, str] = field(default_factory=dict)  # parameters that have another name
    body: Mapping[str, Any] = field(default_factory=dict)  # added to each request, unless it has them
    title_body: Mapping[str, Any] = field(default_factory=dict)  # added to requests for titles

    def accepts(self, parameter: str) -> bool:
        """Whether a program's parameter may be sent. Unknown ones may: a refusal is learned from."""
        return parameter not in self.omit


def profile_of(model: Model) -> Profile:
    """The profile of a model at its provider."""
    layers = [
        *shipped_layers(model.provider.base_url, model.upstream_id),
        capability_layer(model),
        model.provider.profile,
        model.profile,
        model.learned,
    ]
    return combine(layers)


def shipped_layers(base_url: str, upstream_id: str) -> list[Layer]:
    """The layers of the shipped table that apply to this address and model name, weakest first."""
    host = host_of(base_url)
    servers = [server.layer for server in SERVERS if server.matches(host)]
    return servers + [each.layer for each in MODELS if each.matches(host, upstream_id)]


def server_name(provider: Provider) -> str:
    """The name of the shipped profile for the provider's address, for staff."""
    host = host_of(provider.base_url)
    return next((server.name for server in SERVERS if server.matches(host)), "OpenAI-compatible server")


def is_known_server(base_url: str) -> bool:
    """Whether the address is a well-known provider's, not a server that people run themselves."""
    host = host_of(base_url)
    return any(server.matches(host) for server in SERVERS)


def combine(layers: Iterable[object]) -> Profile:
    """A profile from layers, weakest first. What is not valid in a layer is ignored: `fault_of` tells staff."""
    values: dict[str, Any] = {}
    for layer in layers:
        if not isinstance(layer, dict):
            continue
        for name, value in layer.items():
            if _fault_of_value(name, value):
                continue
            if name == "omit":
                values[name] = values.get(name, frozenset()) | frozenset(value)
            elif isinstance(value, dict):
                values[name] = {**values.get(name, {}), **value}
            else:
                values[name] = value
    return Profile(**values)


def layer_of(profile: Profile) -> Layer:
    """The layer that makes this profile of an empty one."""
    return {each.name: getattr(profile, each.name) for each in fields(Profile)}


def fault_of(layer: object) -> str:
    """What is wrong with a layer that staff entered; empty if nothing is."""
    if not isinstance(layer, dict):
        return 'Enter a JSON object such as {"max_tokens": "max_completion_tokens"}.'
    return next(filter(None, (_fault_of_value(name, value) for name, value in layer.items())), "")


def _fault_of_value(name: str, value: object) -> str:
    if name not in _NAMES:
        return f"{name} is not a field of a profile. The fields are {', '.join(_NAMES)}."
    if name in OPTIONS:
        return "" if value in OPTIONS[name] else f"{name} is one of {', '.join(map(repr, OPTIONS[name]))}."
    if name == "omit":
        names = value if isinstance(value, list | tuple | frozenset) else [None]
        is_valid = all(isinstance(each, str) and each not in RESERVED_PARAMETERS for each in names)
        return "" if is_valid else "omit is a list of names of parameters."
    if name in ("body", "title_body", "rename"):
        is_valid = isinstance(value, dict) and not value.keys() & RESERVED_PARAMETERS
        if name == "rename" and is_valid and isinstance(value, dict):
            is_valid = all(isinstance(each, str) and each not in RESERVED_PARAMETERS for each in value.values())
        return "" if is_valid else f"{name} is an object without {', '.join(sorted(RESERVED_PARAMETERS))}."
    return "" if isinstance(value, bool) else f"{name} is true or false."


_NAMES = tuple(each.name for each in fields(Profile))
