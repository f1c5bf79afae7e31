"""References to items of earlier responses: `{"type": "item_reference", "id": …}` in the input.

The id of an output item names its run and its place in the output (`chatapp.openai.response_output`).
"""

import re
from uuid import UUID

from chatapp.openai.errors import ItemNotFound
from chatapp.openai.full_stream import read_full_stream
from chatapp.openai.models import Exchange
from chatapp.openai.response_events import new_fold

ITEM_ID = re.compile(r"[a-z]+_([0-9a-f]{32})_(\d{1,6})")


def has_references(body: dict) -> bool:
    return any(map(_is_reference, _items(body)))


def resolve_references(user_id: int, body: dict) -> dict:
    """The body with each reference replaced by its item. Raises ItemNotFound, also for an item of another user."""
    outputs: dict[UUID, list[dict]] = {}
    items = [
        _resolve(user_id, item["id"], f"input[{n}].id", outputs) if _is_reference(item) else item
        for n, item in enumerate(_items(body))
    ]
    return body | {"input": items}


def _items(body: dict) -> list:
    items = body.get("input")
    return items if isinstance(items, list) else []


def _is_reference(item: object) -> bool:
    """OpenAI's API lets clients leave out the type."""
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return False
    return item.get("type") == "item_reference" or (item.get("type") is None and "role" not in item)


def _resolve(user_id: int, item_id: str, param: str, outputs: dict[UUID, list[dict]]) -> dict:
    if match := ITEM_ID.fullmatch(item_id):
        run_id = UUID(match[1])
        if run_id not in outputs:
            outputs[run_id] = _output_of(user_id, run_id)
        for item in outputs[run_id]:
            if item["id"] == item_id:
                return item
    raise ItemNotFound(f"There is no item with the id {item_id[:100]}.", param)


def _output_of(user_id: int, run_id: UUID) -> list[dict]:
    """The output of a stored response; empty if there is none."""
    exchange = (
        Exchange.objects.visible_to(user_id).select_related("run__model", "run__session").filter(pk=run_id).first()
    )
    if exchange is None:
        return []
    fold = new_fold(exchange)
    for run_event in read_full_stream(run_id):
        fold.apply(run_event, exchange.run.finished_at)
    return fold.response()["output"]
