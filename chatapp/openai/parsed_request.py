"""What a program wants, when its request has been read."""

from dataclasses import dataclass, field
from uuid import UUID

from chatapp.openai.body_fields import Fields
from chatapp.openai.errors import Refusal, Unsupported
from chatapp.openai.models import Kind
from chatapp.openai.sizes import characters_in

MAX_STOPS = 4  # sequences, as the protocol has it


@dataclass
class Wanted:
    """`input` and `parameters` go upstream, `text` is what a person would have typed."""

    kind: Kind
    model: str
    input: list[dict]
    text: str
    parameters: dict
    echo: dict = field(default_factory=dict)
    is_stream: bool = False
    is_stored: bool = False
    is_background: bool = False
    tells_usage: bool = False  # at the end of a chat's stream
    previous: UUID | None = None

    @property
    def characters(self) -> int:
        """Of what goes upstream."""
        return characters_in(self.input, self.parameters, self.echo.get("instructions"))


def sampling(fields: Fields) -> dict:
    """Temperature and the like, those that are given."""
    values = {
        "temperature": fields.number("temperature", 0, 2),
        "top_p": fields.number("top_p", 0, 1),
        "presence_penalty": fields.number("presence_penalty", -2, 2),
        "frequency_penalty": fields.number("frequency_penalty", -2, 2),
    }
    return given(values)


def stops(fields: Fields) -> list[str] | None:
    """`stop`, a string or a few of them."""
    value = fields.as_dict().get("stop")
    found = [value] if isinstance(value, str) else value
    if found is None:
        return None
    if not isinstance(found, list) or len(found) > MAX_STOPS or not all(isinstance(one, str) for one in found):
        raise Refusal(f"{fields.path('stop')} must be a string, or up to {MAX_STOPS} of them.", fields.path("stop"))
    return found


def function_of(fields: Fields) -> dict:
    """The definition of a function that a model may call."""
    fields.only({"type", "name", "description", "parameters", "strict"})
    values = {
        "name": fields.need("name", str),
        "description": fields.take("description", str),
        "parameters": fields.take("parameters", dict),
        "strict": fields.take("strict", bool),
    }
    return given(values)


def only_functions(tools: Fields) -> None:
    if tools.take("type", str, "function") != "function":
        raise Unsupported("Only tools of the type function are supported here.", tools.path("type"))


def given(values: dict) -> dict:
    return {name: value for name, value in values.items() if value is not None}


def without_effect(fields: Fields, **harmless: object) -> None:
    """Refuse parameters that would be left out, unless they have the one value that changes nothing."""
    for name, value in harmless.items():
        if name in fields and fields.as_dict()[name] != value:
            raise Unsupported(f"{fields.path(name)} is not supported here.", fields.path(name))
