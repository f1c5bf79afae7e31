"""Parse requests for chat completions."""

from chatapp.openai.body_fields import Fields, within_limit
from chatapp.openai.errors import MissingParameter, Refusal, UnsupportedParameter
from chatapp.openai.models import Kind
from chatapp.openai.parsed_request import (
    ParsedRequest,
    drop_none,
    parse_function,
    reject_unless_default,
    require_function,
    sampling_parameters,
    stop_sequences,
)

PARAMETERS = {
    "model", "messages", "stream", "stream_options", "temperature", "top_p", "presence_penalty", "frequency_penalty",
    "max_tokens", "max_completion_tokens", "stop", "seed", "user", "logit_bias", "tools", "tool_choice",
    "parallel_tool_calls", "response_format", "reasoning_effort", "n", "store", "logprobs", "modalities",
    "metadata", "service_tier", "safety_identifier", "prompt_cache_key",
}  # fmt: skip
UNSUPPORTED = {"top_logprobs", "audio", "prediction", "web_search_options", "functions", "function_call", "verbosity"}
ROLES = ("system", "developer", "user", "assistant", "tool")
TOOL_CHOICES = {"none", "auto", "required"}
MESSAGE_FIELDS = {"role", "content", "name", "tool_calls", "tool_call_id"}
ECHOED_FIELDS = {
    "refusal",
    "annotations",
    "reasoning_content",
    "reasoning",
}  # members of our own answers; not sent upstream


def parse_chat_request(body: dict) -> ParsedRequest:
    """Raises Refusal, PromptTooLong."""
    fields = Fields(body)
    fields.allow_only(PARAMETERS, UNSUPPORTED)
    reject_unless_default(fields, n=1, store=False, logprobs=False, modalities=["text"])
    messages = [_message(one) for one in fields.objects("messages")]
    if not messages:
        raise MissingParameter("messages is required.", "messages")
    options = Fields(fields.optional("stream_options", dict, {}), "stream_options")
    options.allow_only({"include_usage", "include_obfuscation"})
    return ParsedRequest(
        kind=Kind.CHAT,
        model=fields.optional("model", str, ""),
        input=messages,
        text=last_text(messages),
        parameters=_parameters(fields),
        is_stream=fields.optional("stream", bool, False),
        includes_usage=options.optional("include_usage", bool, False),
    )


def last_text(messages: list[dict]) -> str:
    """The last message that is not blank; empty if there is none."""
    texts = (message["content"] for message in reversed(messages) if (message.get("content") or "").strip())
    return next(texts, "")


def _parameters(fields: Fields) -> dict:
    values = {
        "max_tokens": fields.number("max_tokens", 1, 2**31 - 1, int),
        "max_completion_tokens": fields.number("max_completion_tokens", 1, 2**31 - 1, int),
        "stop": stop_sequences(fields),
        "seed": fields.optional("seed", int),
        "user": fields.optional("user", str),
        "logit_bias": fields.optional("logit_bias", dict),
        "tools": [_tool(one) for one in fields.objects("tools")] or None,
        "tool_choice": _tool_choice(fields),
        "parallel_tool_calls": fields.optional("parallel_tool_calls", bool),
        "response_format": fields.optional("response_format", dict),
        "reasoning_effort": fields.optional("reasoning_effort", str),
    }
    return drop_none(values) | sampling_parameters(fields)


def _tool(fields: Fields) -> dict:
    require_function(fields)
    fields.allow_only({"type", "function"})
    function = Fields(fields.required("function", dict), fields.path("function"))
    return {"type": "function", "function": parse_function(function)}


def _tool_choice(fields: Fields) -> object:
    choice = fields.as_dict().get("tool_choice")
    if choice is None or (isinstance(choice, str) and choice in TOOL_CHOICES):
        return choice
    named = Fields(choice, "tool_choice")
    if named.optional("type", str) != "function":
        raise UnsupportedParameter("Only none, auto, required and a function are supported here.", "tool_choice")
    name = Fields(named.required("function", dict), "tool_choice.function").required("name", str)
    return {"type": "function", "function": {"name": name}}


def _message(fields: Fields) -> dict:
    """A message to send upstream, with its text parts joined."""
    fields.allow_only(MESSAGE_FIELDS | ECHOED_FIELDS)
    role = fields.choice("role", ROLES)
    if role is None:
        raise MissingParameter(f"{fields.path('role')} is required.", fields.path("role"))
    message = {"role": "system" if role == "developer" else role, "content": _content(fields)}
    calls = [_call(one) for one in fields.objects("tool_calls")]
    if message["content"] is None and not (role == "assistant" and calls):
        raise MissingParameter(f"{fields.path('content')} is required.", fields.path("content"))
    if role == "tool":
        message["tool_call_id"] = fields.required("tool_call_id", str)
    return message | drop_none({"name": fields.optional("name", str), "tool_calls": calls or None})


def _content(fields: Fields) -> str | None:
    content = fields.as_dict().get("content")
    if content is None or isinstance(content, str):
        return within_limit(content)
    if not isinstance(content, list):
        raise Refusal(f"{fields.path('content')} must be a string or an array.", fields.path("content"))
    return within_limit("\n".join(_text(part) for part in fields.objects("content")))


def _text(part: Fields) -> str:
    kind = part.required("type", str)
    if kind not in ("text", "refusal"):
        raise UnsupportedParameter(f"Only text is supported here, not {kind[:40]}.", part.path("type"))
    return part.required(kind, str)


def _call(fields: Fields) -> dict:
    require_function(fields)
    function = Fields(fields.required("function", dict), fields.path("function"))
    named = {"name": function.required("name", str), "arguments": function.required("arguments", str)}
    return {"id": fields.required("id", str), "type": "function", "function": named}
