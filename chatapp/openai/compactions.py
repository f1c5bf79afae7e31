"""Compact a conversation: a run that summarizes it, and what a program goes on with in its place.

That is what the user has said, and a compaction item with the summary (`chatapp.openai.summaries`).
"""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser

from chatapp.chats.models import Attachment
from chatapp.openai.body_fields import Fields
from chatapp.openai.content_parts import item_content, parse_file_id, store_parts
from chatapp.openai.errors import MissingParameter
from chatapp.openai.input_items import parse_items, to_messages
from chatapp.openai.models import Exchange, Kind
from chatapp.openai.parsed_request import ParsedRequest
from chatapp.openai.previous_responses import find_previous, whole_chain
from chatapp.openai.summaries import check_summaries, seal
from runs.actions import SUMMARY_QUESTION
from runs.upstream.context.turns import without_calls
from runs.upstream.images import MISSING, data_uri_of

KNOWN = {"model", "input", "instructions", "previous_response_id"}
FORWARDED = ("prompt_cache_key", "service_tier")


@dataclass
class CompactionRequest:
    """`items` are the request's own; those of the responses it continues come before them."""

    model: str
    items: list[dict]
    instructions: str
    previous_id: str | None
    extra: dict
    ignored: list[str]


def parse_compaction(body: dict) -> CompactionRequest:
    """Raises Refusal, PromptTooLong."""
    fields = Fields(body)
    previous_id = fields.optional("previous_response_id", str)
    if "input" not in fields and previous_id is None:
        raise MissingParameter("input or previous_response_id is required.", "input")
    items = parse_items(fields) if "input" in fields else []
    fields.ignore_all_but({*KNOWN, *FORWARDED})
    extra = {name: value for name in FORWARDED if (value := fields.optional(name, str)) is not None}
    model, instructions = fields.optional("model", str, ""), fields.text("instructions") or ""
    return CompactionRequest(model, items, instructions, previous_id, extra, list(fields.ignored))


def prepare_compaction(
    user: AbstractBaseUser, asked: CompactionRequest
) -> tuple[ParsedRequest, list[Attachment], list[dict]]:
    """The request for the summary, the images it refers to, and the items that are kept beside the summary.

    It blocks, and must not be called in a transaction. Raises Refusal, FileRefused and as `find_previous`.
    """
    check_summaries(user, asked.items)
    items, messages = whole_chain(find_previous(user.pk, asked.previous_id)) if asked.previous_id else ([], [])
    images = store_parts(user, asked.items)
    messages = without_calls([*messages, *to_messages(asked.items)])
    system = [{"role": "system", "content": asked.instructions}] if asked.instructions else []
    talk = [message | {"content": item_content(message["content"])} for message in messages]
    parsed = ParsedRequest(
        kind=Kind.CHAT,
        model=asked.model,
        input=[*system, *talk, {"role": "user", "content": SUMMARY_QUESTION}],
        text=SUMMARY_QUESTION,
        parameters={},
        extra=asked.extra,
    )
    kept = [item for item in [*items, *asked.items] if item["type"] == "message" and item["role"] == "user"]
    parsed.ignored = asked.ignored
    return parsed, images, [_whole(item, user.pk) for item in kept]


def compaction_object(exchange: Exchange, kept: list[dict], summary: str, usage: dict | None, user_id: int) -> dict:
    name = exchange.run_id.hex
    item = {"id": f"cmp_{name}_{len(kept)}", "type": "compaction", "encrypted_content": seal(summary, user_id)}
    return {
        "id": f"resp_{name}",
        "object": "response.compaction",
        "created_at": int(exchange.run.queued_at.timestamp()),
        "output": [*kept, item],
        "usage": usage,
    }


def _whole(item: dict, owner_id: int) -> dict:
    """A message with its images in it: their files may be gone when the program sends it."""
    return item | {"content": [_whole_part(part, owner_id) for part in item["content"]]}


def _whole_part(part: dict, owner_id: int) -> dict:
    if part["type"] != "input_image":
        return part
    uri = data_uri_of(parse_file_id(part["file_id"], ""), owner_id)
    if uri is None:
        return {"type": "input_text", "text": MISSING}
    return {"type": "input_image", "detail": part["detail"], "image_url": uri}
