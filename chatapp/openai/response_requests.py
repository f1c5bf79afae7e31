"""Parse requests of the Responses API."""

from chatapp.openai.body_fields import Fields
from chatapp.openai.chat_requests import last_text
from chatapp.openai.errors import Refusal, UnsupportedParameter
from chatapp.openai.input_items import parse_items, to_messages
from chatapp.openai.models import Kind
from chatapp.openai.parsed_request import (
    ParsedRequest,
    drop_none,
    extra_parameters,
    parse_conversation,
    parse_function,
    sampling_parameters,
)
from chatapp.openai.tools import Tools, parse_tools

PARAMETERS = {
    "model", "input", "instructions", "previous_response_id", "stream", "stream_options", "store", "background",
    "metadata", "temperature", "top_p", "presence_penalty", "frequency_penalty", "max_output_tokens", "tools",
    "tool_choice", "parallel_tool_calls", "text", "reasoning", "truncation", "user", "safety_identifier",
    "prompt_cache_key", "service_tier", "include", "conversation",
}  # fmt: skip
OWN = ("client_metadata", "max_tool_calls", "context_management", "moderation", "top_logprobs")
FORWARDED = ("safety_identifier", "prompt_cache_key", "service_tier")  # echoed, too
UNSUPPORTED = ("prompt",)  # a part of the input is elsewhere
HARMLESS_INCLUDE = "reasoning.encrypted_content"  # accepted without effect
MAX_METADATA, KEY_CHARACTERS, VALUE_CHARACTERS = 16, 64, 512


def parse_response_request(body: dict) -> ParsedRequest:
    """Raises Refusal, PromptTooLong. The previous response is not looked up here."""
    fields = Fields(body)
    for name in UNSUPPORTED:
        if name in fields:
            raise UnsupportedParameter(f"{name} is not supported here.", name)
    defaults = {"top_logprobs"} if body.get("top_logprobs") == 0 else set()
    extra = extra_parameters(fields, PARAMETERS | defaults, set(OWN) - defaults)
    extra |= {name: value for name, value in fields.as_dict().items() if name in FORWARDED}
    if any(one != HARMLESS_INCLUDE for one in fields.optional("include", list, [])):
        fields.ignore("include")
    items = parse_items(fields)
    is_stored, is_background = fields.optional("store", bool, True), fields.optional("background", bool, False)
    if is_background and not is_stored:
        raise Refusal("A background response must be stored.", "background")
    parameters, echo = _parameters(fields)
    return ParsedRequest(
        kind=Kind.RESPONSE,
        model=fields.optional("model", str, ""),
        input=items,
        text=last_text(to_messages(items)),
        parameters=parameters,
        echo=echo,
        is_stream=fields.optional("stream", bool, False),
        is_stored=is_stored,
        is_background=is_background,
        conversation=parse_conversation(fields),
        ignored=list(fields.ignored),
        extra=extra,
    )


def _parameters(fields: Fields) -> tuple[dict, dict]:
    """The parameters to send upstream, and those that the response object echoes."""
    chosen = sampling_parameters(fields)
    limit = fields.number("max_output_tokens", 1, 2**31 - 1, int)
    parallel, user = fields.optional("parallel_tool_calls", bool), fields.optional("user", str)
    text, response_format = _text(fields)
    reasoning = fields.object("reasoning")
    reasoning.ignore_all_but({"effort", "summary"})
    effort = reasoning.optional("effort", str)
    tools = parse_tools(fields, parse_function, lambda choice: choice.required("name", str))
    upstream = {
        "max_tokens": limit,
        "parallel_tool_calls": parallel if tools.functions else None,
        "response_format": response_format,
        "reasoning_effort": effort,
        "verbosity": text.get("verbosity"),
        "user": user,
    } | tools.upstream()
    echo = {
        "instructions": fields.text("instructions"),
        "metadata": parse_metadata(fields),
        "max_output_tokens": limit,
        "max_tool_calls": None,
        "tools": [_echoed(function) for function in tools.functions],
        "tool_choice": _echoed_choice(tools),
        "parallel_tool_calls": True if parallel is None else parallel,
        "text": text,
        "reasoning": {"effort": effort, "summary": reasoning.optional("summary", str)},
        "truncation": fields.choice("truncation", ("auto", "disabled"), "disabled"),
        "service_tier": "default",
        "top_logprobs": 0,
        "user": user,
        "safety_identifier": fields.optional("safety_identifier", str),
        "prompt_cache_key": fields.optional("prompt_cache_key", str),
    }
    defaults = {"temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
    return drop_none(upstream) | chosen, echo | defaults | chosen


def _echoed(function: dict) -> dict:
    """A function as the response object echoes it: with all members."""
    return {"type": "function", "description": None, "parameters": None, "strict": None} | function


def _echoed_choice(tools: Tools) -> object:
    if isinstance(tools.choice, list):
        return {"type": "function", "name": tools.choice[0]}
    return tools.choice or "auto"


def _text(fields: Fields) -> tuple[dict, dict | None]:
    """`text.format` as the response object echoes it, and as it is sent upstream."""
    text = fields.object("text")
    text.ignore_all_but({"format", "verbosity"})
    form = text.object("format", {"type": "text"})
    match form.choice("type", ("text", "json_object", "json_schema")):
        case "json_schema":
            form.ignore_all_but({"type", "name", "schema", "strict", "description"})
            schema = {"name": form.required("name", str), "schema": form.required("schema", dict)}
            more = {"strict": form.optional("strict", bool), "description": form.optional("description", str)}
            upstream = {"type": "json_schema", "json_schema": schema | drop_none(more)}
        case "json_object":
            upstream = {"type": "json_object"}
        case _:
            upstream = None
    verbosity = text.optional("verbosity", str)
    return drop_none({"format": form.as_dict(), "verbosity": verbosity}), upstream


def parse_metadata(fields: Fields) -> dict:
    metadata = fields.optional("metadata", dict, {})
    fits = len(metadata) <= MAX_METADATA and all(
        isinstance(value, str) and len(key) <= KEY_CHARACTERS and len(value) <= VALUE_CHARACTERS
        for key, value in metadata.items()
    )
    if not fits:
        limits = f"{MAX_METADATA} strings of {VALUE_CHARACTERS} characters, with keys of {KEY_CHARACTERS}"
        raise Refusal(f"metadata may have at most {limits}.", "metadata")
    return metadata
