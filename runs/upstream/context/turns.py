"""The chat messages for one stored message: in words, or exactly as a program exchanged them."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from chatapp.chats.attachments import full_text
from chatapp.chats.models import Attachment, Message, Role, Session
from runs.upstream.images import image_part, referred_file

Turn = dict[str, Any]


def in_words(message: Message, shown: Collection[UUID] = ()) -> list[Turn]:
    """As text alone: no server takes a program's tool calls in a request without its tools.

    With images for the attachments that are `shown`; those of an answer are named, since servers take none from models.
    Empty if an answer failed before its first word.
    """
    content = content_of(message.content, message.attachments.all(), shown if message.role == Role.USER else ())
    if not content and message.tools:
        content = "\n".join(f"Called {tool['name']}: {tool['arguments']}" for tool in message.tools)
    return [{"role": Role(message.role).value, "content": content}] if content else []


def as_exchanged(message: Message, shown: Collection[UUID] = ()) -> list[Turn]:
    """With tool calls and their results, for a program that goes on."""
    if message.prompt is not None:
        return _prompt_of(message.prompt, list(message.attachments.all()), shown)
    if not message.tools:
        return in_words(message, shown)
    answer = {"role": "assistant", "content": message.content or None, "tool_calls": list(map(_call, message.tools))}
    return [answer | ({"reasoning_content": message.reasoning} if message.reasoning else {})]


def _prompt_of(prompt: list[Turn], files: list[Attachment], shown: Collection[UUID]) -> list[Turn]:
    """A program's question: it refers to images itself, and what is attached besides comes after it."""
    by_file: dict[UUID | None, Attachment] = {file.file_id: file for file in files if file.file_id}
    referred = {referred_file(part) for turn in prompt for part in _parts(turn)}
    turns = [
        turn | {"content": _shown_parts(_parts(turn), by_file, shown)} if _parts(turn) else turn for turn in prompt
    ]
    rest = content_of("", [file for file in files if file.file_id not in referred], shown)
    return [*turns, *([{"role": "user", "content": rest}] if rest else [])]


def _parts(turn: Turn) -> list[Any]:
    return turn["content"] if isinstance(turn["content"], list) else []


def _shown_parts(
    parts: list[Any], files: Mapping[UUID | None, Attachment], shown: Collection[UUID]
) -> str | list[dict[str, Any]]:
    """The parts; images that are not shown are named instead."""
    kept = [
        {"type": "text", "text": full_text("", [file])}
        if (file := files.get(referred_file(part))) and file.pk not in shown
        else part
        for part in parts
    ]
    return kept if any(map(referred_file, kept)) else "\n".join(part["text"] for part in kept)


def last_answer(session: Session) -> list[Turn]:
    """The answer that a session ends with, as exchanged; nothing of an empty session."""
    tip = session.messages.filter(pk=session.tip_id).first() if session.tip_id else None
    return as_exchanged(tip) if tip is not None else []


def called_names(turns: Iterable[Turn]) -> dict[str, str]:
    """The names of the tools that these messages call, by the call's id."""
    return {call["id"]: call["function"]["name"] for turn in turns for call in turn.get("tool_calls", ())}


def content_of(text: str, files: Iterable[Attachment], shown: Collection[UUID]) -> str | list[dict[str, Any]]:
    """The text with its files; with parts for the images that are shown, if there are any."""
    files = list(files)
    images = [image_part(file.file_id) for file in files if file.pk in shown and file.file_id]
    text = full_text(text, [file for file in files if file.pk not in shown])
    return [*([{"type": "text", "text": text}] if text.strip() else []), *images] if images else text


def _call(tool: dict[str, Any]) -> dict[str, Any]:
    function = {"name": tool["name"], "arguments": tool["arguments"]}
    call = {"id": tool["id"] or f"call_{tool['index']}", "type": "function", "function": function}
    return call | ({"extra_content": tool["extra_content"]} if "extra_content" in tool else {})


def paired(messages: Iterable[Turn]) -> list[Turn]:
    """The messages with all tool calls and results in pairs, which servers demand; the others in words.

    A person may have gone on where a program's tool was to answer, and what led to a result may not fit any more.
    """
    messages = list(messages)
    pairs: list[Turn] = []
    calls: set[str] = set()  # of the answer before
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            is_called = message["tool_call_id"] in calls
            pairs.append(message if is_called else {"role": "user", "content": _result_apart(message)})
            continue
        calls = set()
        if message.get("tool_calls"):
            message = _with_answered_calls(message, _results_after(messages, index))
            calls = {call["id"] for call in message.get("tool_calls", [])}
        pairs.append(message)
    return pairs


def without_calls(messages: Iterable[Turn]) -> list[Turn]:
    """The messages with all tool calls and results in words: servers refuse calls in a request without tools."""
    turns = []
    for message in messages:
        if message["role"] == "tool":
            message = {"role": "user", "content": _result_apart(message)}
        elif message.get("tool_calls"):
            message = _with_answered_calls(message, set())
        turns.append(message)
    return turns


def _result_apart(message: Turn) -> str | list[dict[str, Any]]:
    """The result of a call that is not sent, with its images."""
    images = [part for part in _parts(message) if referred_file(part)]
    text = result_in_words(message)
    return [{"type": "text", "text": text}, *images] if images else text


def _results_after(messages: list[Turn], index: int) -> set[str]:
    ids = set()
    for message in messages[index + 1 :]:
        if message["role"] != "tool":
            break
        ids.add(message["tool_call_id"])
    return ids


def _with_answered_calls(message: Turn, answered: set[str]) -> Turn:
    calls = [call for call in message["tool_calls"] if call["id"] in answered]
    if len(calls) == len(message["tool_calls"]):
        return message
    others = [call["function"] for call in message["tool_calls"] if call["id"] not in answered]
    words = [message["content"], *(f"Called {call['name']}: {call['arguments']}" for call in others)]
    rest = {name: value for name, value in message.items() if name != "tool_calls"}
    content = "\n\n".join(filter(None, words))
    return rest | {"content": content} | ({"tool_calls": calls} if calls else {})


def result_in_words(message: Turn, name: str = "") -> str:
    """The result of a tool, for people, and for models that are not told of the call."""
    content = message["content"]
    if parts := _parts(message):
        content = "\n".join(part["text"] for part in parts if "text" in part)
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return f"Result of {name or message['tool_call_id']}:\n\n{text.strip() or '(empty)'}"
