"""A parsed API request, and the parameters that both protocols share."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from chatapp.openai.body_fields import Fields
from chatapp.openai.errors import Refusal
from chatapp.openai.models import Kind
from chatapp.openai.sizes import characters_in

MAX_STOPS = 4  # sequences; the protocol's limit


class ConversationParameter(NamedTuple):
    """The chat that a request continues: the parameter that names it, and its id.

    With `conversation` the input is new. With `metadata.session` it is the whole history, as of other requests.
    """

    name: str
    id: str

    @property
    def has_history(self) -> bool:
        return self.name == "metadata.session"


@dataclass
class ParsedRequest:
    """`input` and `parameters` are sent upstream; `text` is the user's message."""

    kind: Kind
    model: str
    input: list[dict]
    text: str
    parameters: dict
    echo: dict = field(default_factory=dict)
    is_stream: bool = False
    is_stored: bool = False
    is_background: bool = False
    includes_usage: bool = False  # send usage in the last chunk of a chat's stream
    previous: UUID | None = None
    conversation: ConversationParameter | None = None
    key: str = ""  # the request's Idempotency-Key, which counts in a chat, and the fingerprint of its body
    fingerprint: str = ""
    ignored: list[str] = field(default_factory=list)  # parameters without effect
    # Parameters that this site does not know; sent upstream if the model's profile lets them.
    extra: dict = field(default_factory=dict)

    @property
    def characters(self) -> int:
        """Characters that are sent upstream."""
        return characters_in(self.input, self.parameters, self.extra, self.echo.get("instructions"))


def parse_conversation(fields: Fields) -> ConversationParameter | None:
    """`conversation`, an id or an object with one; or `metadata.session`."""
    metadata, conversation = fields.as_dict().get("metadata"), fields.as_dict().get("conversation")
    session = metadata.get("session") if isinstance(metadata, dict) else None
    if conversation is None and session is None:
        return None
    if conversation is not None and session is not None:
        raise Refusal("Send either conversation or metadata.session.", "conversation")
    if "previous_response_id" in fields:
        name = "metadata.session" if conversation is None else "conversation"
        raise Refusal(f"{name} and previous_response_id exclude each other.", "previous_response_id")
    if conversation is None:
        if not isinstance(session, str):
            raise Refusal("metadata.session must be a string.", "metadata.session")
        return ConversationParameter("metadata.session", session)
    if not isinstance(conversation, str):
        conversation = Fields(conversation, "conversation").required("id", str)
    return ConversationParameter("conversation", conversation)


def sampling_parameters(fields: Fields) -> dict:
    """The sampling parameters that are set."""
    values = {
        "temperature": fields.number("temperature", 0, 2),
        "top_p": fields.number("top_p", 0, 1),
        "presence_penalty": fields.number("presence_penalty", -2, 2),
        "frequency_penalty": fields.number("frequency_penalty", -2, 2),
    }
    return drop_none(values)


def stop_sequences(fields: Fields) -> list[str] | None:
    """`stop`: a string or a list of strings."""
    value = fields.as_dict().get("stop")
    sequences = [value] if isinstance(value, str) else value
    if sequences is None:
        return None
    if not isinstance(sequences, list) or len(sequences) > MAX_STOPS or not all(isinstance(s, str) for s in sequences):
        raise Refusal(f"{fields.path('stop')} must be a string, or up to {MAX_STOPS} of them.", fields.path("stop"))
    return sequences


def parse_function(fields: Fields) -> dict:
    """The definition of a function that the model may call."""
    fields.ignore_all_but({"type", "name", "description", "parameters", "strict"})
    values = {
        "name": fields.required("name", str),
        "description": fields.optional("description", str),
        "parameters": fields.optional("parameters", dict),
        "strict": fields.optional("strict", bool),
    }
    return drop_none(values)


def extra_parameters(fields: Fields, known: Collection[str], own: Collection[str]) -> dict:
    """The parameters that this site does not know. Those that only its API could honour, `own`, are ignored."""
    unknown = {name: value for name, value in fields.as_dict().items() if name not in known}
    fields.ignore(*(name for name in unknown if name in own))
    return {name: value for name, value in unknown.items() if name not in own}


def drop_none(values: dict) -> dict:
    return {name: value for name, value in values.items() if value is not None}
