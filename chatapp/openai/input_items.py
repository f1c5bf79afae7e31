"""The items of a response's input: parsed, stored with ids, and converted to chat messages for the upstream."""

from uuid import uuid4

from chatapp.openai.body_fields import Fields, within_limit
from chatapp.openai.content_parts import input_file, item_content, response_image, text_in, upstream_content
from chatapp.openai.errors import MissingParameter, Refusal, UnsupportedParameter
from chatapp.openai.parsed_request import drop_none
from chatapp.openai.summaries import COMPACTION, summary_in, unseal

ROLES = ("user", "system", "developer", "assistant")
PARTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
WITHOUT_TEXT = ("_call", "_call_output", "_list_tools", "_approval_request", "_approval_response")  # of hosted tools
IDS = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}
IDS |= dict.fromkeys(COMPACTION, "cmp")


def parse_items(fields: Fields, name: str = "input") -> list[dict]:
    """The items of a request's `input`, or of another list. Raises Refusal, PromptTooLong."""
    value = fields.as_dict().get(name)
    if isinstance(value, str):
        return [_message("user", within_limit(value))]
    if not isinstance(value, list) or not value:
        raise MissingParameter(f"{name} is required: a string or an array of items.", name)
    items = [_item(one) for one in fields.objects(name)]
    return [item for item in items if item is not None]


def to_messages(items: list[dict]) -> list[dict]:
    """The chat messages for the items. Reasoning is left out: no upstream accepts it."""
    return _converted(items)[0]


def items_of(items: list[dict], first: int) -> list[dict]:
    """The items of the chat messages from `first` on, and all instructions."""
    messages, places = _converted(items)
    systems = {place for place, message in enumerate(messages) if message["role"] == "system"}
    return [item for item, place in zip(items, places, strict=True) if place >= first or place in systems]


def _converted(items: list[dict]) -> tuple[list[dict], list[int]]:
    """The chat messages for the items, and the place of each item's message; reasoning belongs to the next one."""
    messages: list[dict] = []
    places = []
    for item in items:
        match item["type"]:
            case "message":
                role = "system" if item["role"] == "developer" else item["role"]
                messages.append({"role": role, "content": upstream_content(item["content"])})
            case kind if kind in COMPACTION:
                messages.append({"role": "user", "content": summary_in(item)})
            case "function_call":
                _add_call(messages, item)
            case "function_call_output":
                messages.append(
                    {"role": "tool", "tool_call_id": item["call_id"], "content": upstream_content(item["output"])}
                )
        places.append(len(messages) - (item["type"] != "reasoning"))
    return messages, places


def _add_call(messages: list[dict], item: dict) -> None:
    """Add a tool call to the assistant's message before it, or to a new one."""
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    function = {"name": item["name"], "arguments": item["arguments"]}
    call = {"id": item["call_id"], "type": "function", "function": function}
    messages[-1].setdefault("tool_calls", []).append(call)


def _item(fields: Fields) -> dict | None:
    """None for an item of a hosted tool, which means nothing to the models here."""
    kind = fields.optional("type", str, "message")
    match kind:
        case "message":
            role = fields.choice("role", ROLES)
            if role is None:
                raise MissingParameter(f"{fields.path('role')} is required.", fields.path("role"))
            return _message(role, _content_of(fields, "content") if role == "user" else _text_of(fields, "content"))
        case "function_call":
            values = {name: within_limit(fields.required(name, str)) for name in ("call_id", "name", "arguments")}
        case "function_call_output":
            values = {"call_id": fields.required("call_id", str), "output": _content_of(fields, "output")}
        case _ if kind in COMPACTION:
            values = {"encrypted_content": fields.required("encrypted_content", str)}
            unseal(values["encrypted_content"], fields.path("encrypted_content"))
        case "reasoning":
            values = drop_none(
                {"summary": fields.optional("summary", list, []), "content": fields.optional("content", list)}
            )
        case _ if kind.endswith(WITHOUT_TEXT):
            fields.ignored[f"input[{kind[:40]}]"] = None
            return None
        case _:
            raise UnsupportedParameter(f"Items of the type {kind[:40]} are not supported here.", fields.path("type"))
    return _with_id(kind, values)


def _message(role: str, text: str | list[dict]) -> dict:
    if isinstance(text, list):
        return _with_id("message", {"role": role, "content": text})
    part: dict = {"type": "input_text", "text": text}
    if role == "assistant":
        part = {"type": "output_text", "text": text, "annotations": []}
    return _with_id("message", {"role": role, "content": [part]})


def to_items(messages: list[dict], name: str) -> list[dict]:
    """The items for chat messages; `name` is a part of their ids."""
    items: list[dict] = []
    for message in messages:
        calls = message.get("tool_calls", [])
        if message["role"] == "tool":
            output = {"call_id": message["tool_call_id"], "output": item_content(message["content"])}
            items.append(_with_id("function_call_output", output))
        elif message["content"] or not calls:
            items.append(_message(message["role"], item_content(message["content"] or "")))
        items += [_with_id("function_call", {"call_id": call["id"], **call["function"]}) for call in calls]
    return [item | {"id": f"{IDS[item['type']]}_{name}_{place}"} for place, item in enumerate(items)]


def _with_id(kind: str, values: dict) -> dict:
    """An item with an id of our own: the client's may not be unique."""
    return {"id": f"{IDS[kind]}_{uuid4().hex}", "type": kind, "status": "completed"} | values


def _content_of(fields: Fields, name: str) -> str | list[dict]:
    """Text, or parts if there are images or files among them."""
    value = fields.as_dict().get(name)
    if not isinstance(value, list) or all(isinstance(part, dict) and part.get("type") in PARTS for part in value):
        return _text_of(fields, name)
    parts = [_user_part(part) for part in fields.objects(name)]
    within_limit(text_in(parts))
    return parts


def _user_part(part: Fields) -> dict:
    match part.required("type", str):
        case "input_image":
            return response_image(part)
        case "input_file":
            return input_file(part)
        case _:
            return {"type": "input_text", "text": _part(part)}


def _text_of(fields: Fields, name: str) -> str:
    value = fields.as_dict().get(name)
    if isinstance(value, str):
        return within_limit(value)
    if not isinstance(value, list):
        raise Refusal(f"{fields.path(name)} must be a string or an array.", fields.path(name))
    return within_limit("\n".join(_part(part) for part in fields.objects(name)))


def _part(part: Fields) -> str:
    kind = part.required("type", str)
    if kind not in PARTS:
        raise UnsupportedParameter(f"Only text is supported here, not {kind[:40]}.", part.path("type"))
    return part.required(PARTS[kind], str)
