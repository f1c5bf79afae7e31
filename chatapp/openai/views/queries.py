"""Query parameters, and pages of items."""

from django.http import HttpRequest

from chatapp.openai.errors import Refusal

PAGE_ITEMS, MAX_PAGE_ITEMS = 20, 100


def integer(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name, "")
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdecimal() and len(digits) < 10:
        return int(text)
    if text:
        raise Refusal(f"{name} must be an integer.", name)
    return default


def page_of_items(request: HttpRequest, items: list[dict]) -> dict:
    """A page of the items, newest first unless `order=asc`."""
    order = request.GET.get("order", "desc")
    if order not in ("asc", "desc"):
        raise Refusal("order must be asc or desc.", "order")
    limit = min(max(integer(request, "limit", PAGE_ITEMS), 1), MAX_PAGE_ITEMS)
    items = items if order == "asc" else items[::-1]
    if after := request.GET.get("after"):
        ids = [item["id"] for item in items]
        if after not in ids:
            raise Refusal("There is no such item.", "after")
        items = items[ids.index(after) + 1 :]
    return list_of(items[:limit], has_more=len(items) > limit)


def list_of(items: list[dict], has_more: bool = False) -> dict:
    ends = {"first_id": items[0]["id"], "last_id": items[-1]["id"]} if items else {"first_id": "", "last_id": ""}
    return {"object": "list", "data": items, **ends, "has_more": has_more}
