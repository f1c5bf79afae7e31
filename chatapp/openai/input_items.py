"""The items of a response's input: read, kept with ids, and told upstream as the messages of a chat."""

from uuid import uuid4

from chatapp.openai.body_fields import Fields, within_limit
from chatapp.openai.errors import Missing, Refusal, Unsupported
from chatapp.openai.parsed_request import given

ROLES = ("user", "system", "developer", "assistant")
PARTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
IDS = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}


def read_items(fields: Fields) -> list[dict]:
    """The `input` of a request, as items. Raises Refusal, PromptTooLong."""
    value = fields.as_dict().get("input")
    if isinstance(value, str):
        return [_message("user", within_limit(value))]
    if not isinstance(value, list) or not value:
        raise Missing("input is required: a string or an array of items.", "input")
    return [_item(one) for one in fields.objects("input")]


def to_messages(items: list[dict]) -> list[dict]:
    """The messages of a chat that say what the items say. Reasoning stays here: no upstream takes it."""
    messages: list[dict] = []
    for item in items:
        match item["type"]:
            case "message":
                role = "system" if item["role"] == "developer" else item["role"]
                messages.append({"role": role, "content": "\n".join(part["text"] for part in item["content"])})
            case "function_call":
                _add_call(messages, item)
            case "function_call_output":
                messages.append({"role": "tool", "tool_call_id": item["call_id"], "content": item["output"]})
    return messages


def _add_call(messages: list[dict], item: dict) -> None:
    """Calls belong to what the model said before them, in one message."""
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    function = {"name": item["name"], "arguments": item["arguments"]}
    call = {"id": item["call_id"], "type": "function", "function": function}
    messages[-1].setdefault("tool_calls", []).append(call)


def _item(fields: Fields) -> dict:
    kind = fields.take("type", str, "message")
    match kind:
        case "message":
            role = fields.choice("role", ROLES)
            if role is None:
                raise Missing(f"{fields.path('role')} is required.", fields.path("role"))
            return _message(role, _text_of(fields, "content"))
        case "function_call":
            values = {name: within_limit(fields.need(name, str)) for name in ("call_id", "name", "arguments")}
        case "function_call_output":
            values = {"call_id": fields.need("call_id", str), "output": _text_of(fields, "output")}
        case "reasoning":
            values = given({"summary": fields.take("summary", list, []), "content": fields.take("content", list)})
        case _:
            raise Unsupported(f"Items of the type {kind[:40]} are not supported here.", fields.path("type"))
    return _kept(kind, values)


def _message(role: str, text: str) -> dict:
    part: dict = {"type": "input_text", "text": text}
    if role == "assistant":
        part = {"type": "output_text", "text": text, "annotations": []}
    return _kept("message", {"role": role, "content": [part]})


def _kept(kind: str, values: dict) -> dict:
    """An item with an id of our own: the client's may stand for something else."""
    return {"id": f"{IDS[kind]}_{uuid4().hex}", "type": kind, "status": "completed"} | values


def _text_of(fields: Fields, name: str) -> str:
    value = fields.as_dict().get(name)
    if isinstance(value, str):
        return within_limit(value)
    if not isinstance(value, list):
        raise Refusal(f"{fields.path(name)} must be a string or an array.", fields.path(name))
    return within_limit("\n".join(_part(part) for part in fields.objects(name)))


def _part(part: Fields) -> str:
    kind = part.need("type", str)
    if kind not in PARTS:
        raise Unsupported(f"Only text is supported here, not {kind[:40]}.", part.path("type"))
    return part.need(PARTS[kind], str)
