"""Reading the request for a chat completion."""

from chatapp.openai.body_fields import Fields, within_limit
from chatapp.openai.errors import Missing, Refusal, Unsupported
from chatapp.openai.models import Kind
from chatapp.openai.parsed_request import Wanted, function_of, given, only_functions, sampling, stops, without_effect

PARAMETERS = {
    "model", "messages", "stream", "stream_options", "temperature", "top_p", "presence_penalty", "frequency_penalty",
    "max_tokens", "max_completion_tokens", "stop", "seed", "user", "logit_bias", "tools", "tool_choice",
    "parallel_tool_calls", "response_format", "reasoning_effort", "n", "store", "logprobs", "modalities",
    "metadata", "service_tier", "safety_identifier", "prompt_cache_key",
}  # fmt: skip
UNSUPPORTED = {"top_logprobs", "audio", "prediction", "web_search_options", "functions", "function_call", "verbosity"}
ROLES = ("system", "developer", "user", "assistant", "tool")
CALLED = {"none", "auto", "required"}
OF_MESSAGE = {"role", "content", "name", "tool_calls", "tool_call_id"}
SAID_BACK = {"refusal", "annotations", "reasoning_content", "reasoning"}  # of our own answers; nothing to send on


def read_chat(body: dict) -> Wanted:
    """What is asked for. Raises Refusal, PromptTooLong."""
    fields = Fields(body)
    fields.only(PARAMETERS, UNSUPPORTED)
    without_effect(fields, n=1, store=False, logprobs=False, modalities=["text"])
    messages = [_message(one) for one in fields.objects("messages")]
    if not messages:
        raise Missing("messages is required.", "messages")
    options = Fields(fields.take("stream_options", dict, {}), "stream_options")
    options.only({"include_usage", "include_obfuscation"})
    return Wanted(
        kind=Kind.CHAT,
        model=fields.take("model", str, ""),
        input=messages,
        text=last_text(messages),
        parameters=_parameters(fields),
        is_stream=fields.take("stream", bool, False),
        tells_usage=options.take("include_usage", bool, False),
    )


def last_text(messages: list[dict]) -> str:
    """The end of what was said: the last message that says something. Empty if none does."""
    said = (message["content"] for message in reversed(messages) if (message.get("content") or "").strip())
    return next(said, "")


def _parameters(fields: Fields) -> dict:
    values = {
        "max_tokens": fields.number("max_tokens", 1, 2**31 - 1, int),
        "max_completion_tokens": fields.number("max_completion_tokens", 1, 2**31 - 1, int),
        "stop": stops(fields),
        "seed": fields.take("seed", int),
        "user": fields.take("user", str),
        "logit_bias": fields.take("logit_bias", dict),
        "tools": [_tool(one) for one in fields.objects("tools")] or None,
        "tool_choice": _tool_choice(fields),
        "parallel_tool_calls": fields.take("parallel_tool_calls", bool),
        "response_format": fields.take("response_format", dict),
        "reasoning_effort": fields.take("reasoning_effort", str),
    }
    return given(values) | sampling(fields)


def _tool(fields: Fields) -> dict:
    only_functions(fields)
    fields.only({"type", "function"})
    function = Fields(fields.need("function", dict), fields.path("function"))
    return {"type": "function", "function": function_of(function)}


def _tool_choice(fields: Fields) -> object:
    choice = fields.as_dict().get("tool_choice")
    if choice is None or (isinstance(choice, str) and choice in CALLED):
        return choice
    named = Fields(choice, "tool_choice")
    if named.take("type", str) != "function":
        raise Unsupported("Only none, auto, required and a function are supported here.", "tool_choice")
    name = Fields(named.need("function", dict), "tool_choice.function").need("name", str)
    return {"type": "function", "function": {"name": name}}


def _message(fields: Fields) -> dict:
    """A message as it goes upstream, its text in one piece."""
    fields.only(OF_MESSAGE | SAID_BACK)
    role = fields.choice("role", ROLES)
    if role is None:
        raise Missing(f"{fields.path('role')} is required.", fields.path("role"))
    message = {"role": "system" if role == "developer" else role, "content": _content(fields)}
    calls = [_call(one) for one in fields.objects("tool_calls")]
    if message["content"] is None and not (role == "assistant" and calls):
        raise Missing(f"{fields.path('content')} is required.", fields.path("content"))
    if role == "tool":
        message["tool_call_id"] = fields.need("tool_call_id", str)
    return message | given({"name": fields.take("name", str), "tool_calls": calls or None})


def _content(fields: Fields) -> str | None:
    content = fields.as_dict().get("content")
    if content is None or isinstance(content, str):
        return within_limit(content)
    if not isinstance(content, list):
        raise Refusal(f"{fields.path('content')} must be a string or an array.", fields.path("content"))
    return within_limit("\n".join(_text(part) for part in fields.objects("content")))


def _text(part: Fields) -> str:
    kind = part.need("type", str)
    if kind not in ("text", "refusal"):
        raise Unsupported(f"Only text is supported here, not {kind[:40]}.", part.path("type"))
    return part.need(kind, str)


def _call(fields: Fields) -> dict:
    only_functions(fields)
    function = Fields(fields.need("function", dict), fields.path("function"))
    named = {"name": function.need("name", str), "arguments": function.need("arguments", str)}
    return {"id": fields.need("id", str), "type": "function", "function": named}
