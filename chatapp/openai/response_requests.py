"""Reading the request for a response."""

from chatapp.openai.body_fields import Fields
from chatapp.openai.chat_requests import last_text
from chatapp.openai.errors import Refusal, Unsupported
from chatapp.openai.input_items import read_items, to_messages
from chatapp.openai.models import Kind
from chatapp.openai.parsed_request import Wanted, function_of, given, only_functions, sampling, without_effect

PARAMETERS = {
    "model", "input", "instructions", "previous_response_id", "stream", "stream_options", "store", "background",
    "metadata", "temperature", "top_p", "presence_penalty", "frequency_penalty", "max_output_tokens", "tools",
    "tool_choice", "parallel_tool_calls", "text", "reasoning", "truncation", "user", "safety_identifier",
    "prompt_cache_key", "service_tier", "include", "top_logprobs",
}  # fmt: skip
UNSUPPORTED = {"conversation", "prompt", "max_tool_calls", "context_management", "moderation"}
CALLED = {"none", "auto", "required"}
HARMLESS_INCLUDE = "reasoning.encrypted_content"  # may be asked for, and need not be there
MAX_METADATA, KEY_CHARACTERS, VALUE_CHARACTERS = 16, 64, 512


def read_response(body: dict) -> Wanted:
    """What is asked for. Raises Refusal, PromptTooLong. The previous response is not looked for yet."""
    fields = Fields(body)
    fields.only(PARAMETERS, UNSUPPORTED)
    without_effect(fields, top_logprobs=0)
    _check_include(fields)
    items = read_items(fields)
    is_stored, is_background = fields.take("store", bool, True), fields.take("background", bool, False)
    if is_background and not is_stored:
        raise Refusal("A response in the background has to be stored.", "background")
    parameters, told = _parameters(fields)
    return Wanted(
        kind=Kind.RESPONSE,
        model=fields.take("model", str, ""),
        input=items,
        text=last_text(to_messages(items)),
        parameters=parameters,
        echo=told,
        is_stream=fields.take("stream", bool, False),
        is_stored=is_stored,
        is_background=is_background,
    )


def _parameters(fields: Fields) -> tuple[dict, dict]:
    """What goes upstream, and what the response's object tells of the request."""
    chosen, tools = sampling(fields), [_tool(one) for one in fields.objects("tools")]
    limit = fields.number("max_output_tokens", 1, 2**31 - 1, int)
    parallel, user = fields.take("parallel_tool_calls", bool), fields.take("user", str)
    text, response_format = _text(fields)
    effort = Fields(fields.take("reasoning", dict, {}), "reasoning").take("effort", str)
    tool_choice, called = _tool_choice(fields)
    upstream = {
        "max_tokens": limit,
        "tools": [{"type": "function", "function": function_of(one)} for one in fields.objects("tools")] or None,
        "tool_choice": called,
        "parallel_tool_calls": parallel,
        "response_format": response_format,
        "reasoning_effort": effort,
        "user": user,
    }
    told = {
        "instructions": fields.text("instructions"),
        "metadata": _metadata(fields),
        "max_output_tokens": limit,
        "max_tool_calls": None,
        "tools": tools,
        "tool_choice": tool_choice,
        "parallel_tool_calls": True if parallel is None else parallel,
        "text": text,
        "reasoning": {"effort": effort, "summary": None},
        "truncation": fields.choice("truncation", ("auto", "disabled"), "disabled"),
        "service_tier": "default",
        "top_logprobs": 0,
        "user": user,
        "safety_identifier": fields.take("safety_identifier", str),
        "prompt_cache_key": fields.take("prompt_cache_key", str),
    }
    defaults = {"temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
    return given(upstream) | chosen, told | defaults | chosen


def _tool(fields: Fields) -> dict:
    """A function, as it is told back: with all its members."""
    only_functions(fields)
    return {"type": "function", "description": None, "parameters": None, "strict": None} | function_of(fields)


def _tool_choice(fields: Fields) -> tuple[object, object]:
    """How the response's object tells it, and how it goes upstream."""
    choice = fields.as_dict().get("tool_choice")
    if choice is None or (isinstance(choice, str) and choice in CALLED):
        return choice or "auto", choice
    named = Fields(choice, "tool_choice")
    if named.take("type", str) != "function":
        raise Unsupported("Only none, auto, required and a function are supported here.", "tool_choice")
    name = named.need("name", str)
    return {"type": "function", "name": name}, {"type": "function", "function": {"name": name}}


def _text(fields: Fields) -> tuple[dict, dict | None]:
    """`text.format`, as it is told back, and as it goes upstream."""
    text = Fields(fields.take("text", dict, {}), "text")
    text.only({"format"}, {"verbosity"})
    form = Fields(text.take("format", dict, {"type": "text"}), "text.format")
    match form.choice("type", ("text", "json_object", "json_schema")):
        case "json_schema":
            form.only({"type", "name", "schema", "strict", "description"})
            schema = {"name": form.need("name", str), "schema": form.need("schema", dict)}
            more = {"strict": form.take("strict", bool), "description": form.take("description", str)}
            upstream = {"type": "json_schema", "json_schema": schema | given(more)}
        case "json_object":
            upstream = {"type": "json_object"}
        case _:
            upstream = None
    return {"format": form.as_dict()}, upstream


def _metadata(fields: Fields) -> dict:
    metadata = fields.take("metadata", dict, {})
    fits = len(metadata) <= MAX_METADATA and all(
        isinstance(value, str) and len(key) <= KEY_CHARACTERS and len(value) <= VALUE_CHARACTERS
        for key, value in metadata.items()
    )
    if not fits:
        limits = f"{MAX_METADATA} strings of {VALUE_CHARACTERS} characters, by keys of {KEY_CHARACTERS}"
        raise Refusal(f"metadata holds at most {limits}.", "metadata")
    return metadata


def _check_include(fields: Fields) -> None:
    for one in fields.take("include", list, []):
        if one != HARMLESS_INCLUDE:
            raise Unsupported("This can not be included here.", "include")
