"""Parse requests for chat completions."""

from chatapp.openai.body_fields import Fields, within_limit
from chatapp.openai.content_parts import chat_image, input_file, text_in
from chatapp.openai.errors import MissingParameter, Refusal, UnsupportedParameter
from chatapp.openai.models import Kind
from chatapp.openai.parsed_request import (
    ParsedRequest,
    drop_none,
    extra_parameters,
    parse_conversation,
    parse_function,
    sampling_parameters,
    stop_sequences,
)
from chatapp.openai.tools import parse_tools
from runs.upstream.profiles.shaping import REASONING_IN_MESSAGES

PARAMETERS = {
    "model", "messages", "stream", "stream_options", "temperature", "top_p", "presence_penalty", "frequency_penalty",
    "max_tokens", "max_completion_tokens", "stop", "seed", "user", "logit_bias", "tools", "tool_choice",
    "parallel_tool_calls", "response_format", "reasoning_effort", "reasoning", "conversation",
}  # fmt: skip
OWN = ("n", "store", "metadata", "logprobs", "top_logprobs", "modalities")  # servers' answers to these go nowhere
DEFAULTS = {"n": 1, "store": False, "logprobs": False, "modalities": ["text"]}  # values that change nothing
UNSUPPORTED = ("audio", "functions", "function_call")  # a client that sends these cannot read the answer without them
WITH_IMAGES = ("user", "tool")  # roles
ROLES = ("system", "developer", "user", "assistant", "tool")
MESSAGE_FIELDS = {"role", "content", "name", "tool_calls", "tool_call_id"}
# Members of our own answers. Reasoning goes upstream with tool calls, as the model's profile says.
ECHOED_FIELDS = {"refusal", "annotations", *REASONING_IN_MESSAGES}


def parse_chat_request(body: dict) -> ParsedRequest:
    """Raises Refusal, PromptTooLong."""
    fields = Fields(body)
    for name in UNSUPPORTED:
        if name in fields:
            raise UnsupportedParameter(f"{name} is not supported here.", name)
    defaults = {name for name, value in DEFAULTS.items() if body.get(name) == value}
    extra = extra_parameters(fields, PARAMETERS | defaults, set(OWN) - defaults)
    conversation = parse_conversation(fields)
    if conversation is not None and conversation.has_history:
        fields.ignored.pop("metadata", None)
    messages = [_message(one) for one in fields.objects("messages")]
    if not messages:
        raise MissingParameter("messages is required.", "messages")
    options = fields.object("stream_options")
    options.ignore_all_but({"include_usage", "include_obfuscation"})
    return ParsedRequest(
        kind=Kind.CHAT,
        model=fields.optional("model", str, ""),
        input=messages,
        text=last_text(messages),
        parameters=_parameters(fields),
        is_stream=fields.optional("stream", bool, False),
        includes_usage=options.optional("include_usage", bool, False),
        conversation=conversation,
        ignored=list(fields.ignored),
        extra=extra,
    )


def last_text(messages: list[dict]) -> str:
    """The last message that is not blank; empty if there is none."""
    texts = (text_in(message.get("content")) for message in reversed(messages))
    return next((text for text in texts if text.strip()), "")


def _parameters(fields: Fields) -> dict:
    values = {
        "max_tokens": fields.number("max_tokens", 1, 2**31 - 1, int),
        "max_completion_tokens": fields.number("max_completion_tokens", 1, 2**31 - 1, int),
        "stop": stop_sequences(fields),
        "seed": fields.optional("seed", int),
        "user": fields.optional("user", str),
        "logit_bias": fields.optional("logit_bias", dict),
        "parallel_tool_calls": fields.optional("parallel_tool_calls", bool),
        "response_format": fields.optional("response_format", dict),
        "reasoning_effort": _reasoning_effort(fields),
    }
    tools = parse_tools(fields, _function, _name_in_choice).upstream()
    if not tools:
        values["parallel_tool_calls"] = None
    return drop_none(values) | tools | sampling_parameters(fields)


def _reasoning_effort(fields: Fields) -> str | None:
    """`reasoning_effort`, or OpenRouter's `reasoning.effort`."""
    reasoning = fields.object("reasoning")
    reasoning.ignore_all_but({"effort"})
    return fields.optional("reasoning_effort", str) or reasoning.optional("effort", str)


def _function(tool: Fields) -> dict:
    tool.ignore_all_but({"type", "function"})
    return parse_function(Fields(tool.required("function", dict), tool.path("function"), tool.ignored))


def _name_in_choice(choice: Fields) -> str:
    return Fields(choice.required("function", dict), choice.path("function")).required("name", str)


def _message(fields: Fields) -> dict:
    """A message to send upstream, with its text parts joined."""
    fields.ignore_all_but(MESSAGE_FIELDS | ECHOED_FIELDS)
    role = fields.choice("role", ROLES)
    if role is None:
        raise MissingParameter(f"{fields.path('role')} is required.", fields.path("role"))
    message = {"role": "system" if role == "developer" else role, "content": _content(fields)}
    calls = [_call(one) for one in fields.objects("tool_calls")]
    if message["content"] is None and role == "assistant":
        message["content"] = None if calls else ""  # an answer that was only reasoning, or empty
    elif message["content"] is None:
        raise MissingParameter(f"{fields.path('content')} is required.", fields.path("content"))
    if role == "tool":
        message["tool_call_id"] = fields.required("tool_call_id", str)
    reasoning = {name: fields.optional(name, kind) for name, kind in REASONING_IN_MESSAGES.items()} if calls else {}
    return message | drop_none({"name": fields.optional("name", str), "tool_calls": calls or None} | reasoning)


def _content(fields: Fields) -> str | list[dict] | None:
    content = fields.as_dict().get("content")
    if content is None or isinstance(content, str):
        return within_limit(content)
    if not isinstance(content, list):
        raise Refusal(f"{fields.path('content')} must be a string or an array.", fields.path("content"))
    parts = [_part(part) for part in fields.objects("content")]
    if fields.as_dict().get("role") in WITH_IMAGES and any("text" not in part for part in parts):
        within_limit(text_in(parts))
        return parts
    return within_limit("\n".join(part["text"] for part in map(_only_text, parts, fields.objects("content"))))


def _part(part: Fields) -> dict:
    part.ignore("cache_control")
    match kind := part.required("type", str):
        case "text" | "refusal":
            return {"type": "text", "text": part.required(kind, str)}
        case "image_url":
            return chat_image(part)
        case "file":
            return input_file(part.object("file"))
        case _:
            raise UnsupportedParameter(
                f"Only text, images and files are supported here, not {kind[:40]}.", part.path("type")
            )


def _only_text(part: dict, fields: Fields) -> dict:
    if "text" not in part:
        raise UnsupportedParameter(
            "Only messages of the user and results of tools may have images and files.", fields.path("type")
        )
    return part


def _call(fields: Fields) -> dict:
    if fields.optional("type", str, "function") != "function":
        raise UnsupportedParameter("Only calls of functions are supported here.", fields.path("type"))
    function = Fields(fields.required("function", dict), fields.path("function"))
    named = {"name": function.required("name", str), "arguments": function.required("arguments", str)}
    call = {"id": fields.required("id", str), "type": "function", "function": named}
    return call | drop_none({"extra_content": fields.optional("extra_content", dict)})
