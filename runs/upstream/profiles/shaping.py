"""Shape a request as its model's profile says."""

from collections.abc import Iterable
from typing import Any

from runs.models import RESERVED_PARAMETERS
from runs.upstream.profiles.profile import Profile

INSTRUCTIONS = ("system", "developer")  # roles
REASONING_IN_MESSAGES = {"reasoning_content": str, "reasoning": str, "reasoning_details": list}  # passed back
LIMITS = ("max_completion_tokens", "max_tokens")  # names of an answer's limit, the newer one first
SEPARATOR = "\n\n"  # between texts that become one message
# Google's documented value for a call whose own signature is not known: such a call is not checked.
UNKNOWN_SIGNATURE = "skip_thought_signature_validator"

Message = dict[str, Any]


def shape(profile: Profile, payload: dict[str, Any]) -> dict[str, Any]:
    """The payload as the profile's model accepts it. Shaping it a second time changes nothing more."""
    body = {name: value for name, value in profile.body.items() if name not in RESERVED_PARAMETERS}
    shaped = {name: value for name, value in {**body, **payload}.items() if value is not None}
    _name_limit(shaped, profile.max_tokens)
    for name, other in profile.rename.items():
        if name in shaped:
            shaped[other] = shaped.pop(name)
    for name in profile.omit & shaped.keys() - RESERVED_PARAMETERS:
        del shaped[name]
    if "messages" in shaped:
        shaped["messages"] = shape_messages(profile, shaped["messages"])
    return shaped


def _name_limit(payload: dict[str, Any], name: str) -> None:
    """Send the limit of the answer once, by the name that is accepted."""
    given = {each: payload.pop(each) for each in LIMITS if each in payload}
    if given:
        own_name, value = next(iter(given.items()))
        payload[name or own_name] = value


def shape_messages(profile: Profile, messages: Iterable[Message]) -> list[Message]:
    shaped = [_shape_message(profile, message) for message in messages]
    if profile.system == "user":
        shaped = _fold_instructions(shaped)
    elif profile.system == "developer":
        shaped = [message | {"role": "developer"} if message["role"] == "system" else message for message in shaped]
    if profile.alternate:
        shaped = _merge_neighbours(shaped)
    if profile.prefix and shaped and shaped[-1]["role"] == "assistant" and not shaped[-1].get("tool_calls"):
        shaped[-1] = shaped[-1] | {"prefix": True}
    return shaped


def _shape_message(profile: Profile, message: Message) -> Message:
    calls = message.get("tool_calls")
    keeps = calls and profile.reasoning != "never"
    shaped = {name: value for name, value in message.items() if keeps or name not in REASONING_IN_MESSAGES}
    if calls and profile.reasoning == "required":
        reasoning = shaped.get("reasoning_content") or shaped.pop("reasoning", None)
        shaped["reasoning_content"] = reasoning if isinstance(reasoning, str) else ""
    if calls and profile.signatures:
        shaped["tool_calls"] = [_signed(call) for call in calls]
    return shaped


def _signed(call: dict[str, Any]) -> dict[str, Any]:
    extra = call.get("extra_content") or {}
    google = extra.get("google") or {}
    if google.get("thought_signature"):
        return call
    return call | {"extra_content": {**extra, "google": {**google, "thought_signature": UNKNOWN_SIGNATURE}}}


def _fold_instructions(messages: list[Message]) -> list[Message]:
    """Instructions become the beginning of the first message of the user."""
    instructions = [message["content"] for message in messages if message["role"] in INSTRUCTIONS]
    others = [message for message in messages if message["role"] not in INSTRUCTIONS]
    if not instructions:
        return others
    text = SEPARATOR.join(map(_text_of, instructions))
    first = next((index for index, message in enumerate(others) if message["role"] == "user"), None)
    if first is None:
        return [{"role": "user", "content": text}, *others]
    others[first] = others[first] | {"content": join_contents(text, others[first]["content"])}
    return others


def _merge_neighbours(messages: list[Message]) -> list[Message]:
    """One message of neighbours that share a role; after the instructions the user begins."""
    merged: list[Message] = []
    for message in messages:
        before = merged[-1] if merged else None
        if before is not None and _can_merge(before, message):
            content = join_contents(before.get("content"), message.get("content"))
            merged[-1] = {**before, **message, "content": content}
        else:
            merged.append(message)
    return merged


def _can_merge(before: Message, message: Message) -> bool:
    if before["role"] != message["role"] or message["role"] == "tool":
        return False
    return not before.get("tool_calls")  # its results have to follow it


def join_contents(before: object, after: object) -> object:
    """Two contents as one: strings as a string, otherwise as a list of parts."""
    if not before or not after:
        return after or before
    if isinstance(before, str) and isinstance(after, str):
        return before + SEPARATOR + after
    return _parts(before) + _parts(after)


def _parts(content: object) -> list[Any]:
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def _text_of(content: object) -> str:
    if isinstance(content, list):
        return SEPARATOR.join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")
