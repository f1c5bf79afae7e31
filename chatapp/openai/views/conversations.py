"""Conversations: create, read, update, delete; list, add, read items. Each of the user's chats is one."""

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from chatapp.chats.actions import rename
from chatapp.chats.models import Attachment, Session
from chatapp.openai.body_fields import Fields, parse_body
from chatapp.openai.content_parts import store_parts
from chatapp.openai.conversation_items import add_items, items_of_chat
from chatapp.openai.conversations import (
    SYSTEM,
    conversation_id,
    conversation_of,
)
from chatapp.openai.errors import ConversationNotFound, ItemNotFound, Refusal
from chatapp.openai.input_items import parse_items, to_items, to_messages
from chatapp.openai.models import Conversation
from chatapp.openai.response_requests import parse_metadata
from chatapp.openai.summaries import check_summaries
from chatapp.openai.views.endpoint import Client, endpoint, with_database
from chatapp.openai.views.queries import list_of, page_of_items
from runs.actions import delete_session

MAX_ITEMS = 20  # added at once


async def _create(request: HttpRequest, client: Client) -> HttpResponseBase:
    """A chat, with items that it begins with: system messages are its system prompt."""
    fields = Fields(parse_body(request))
    metadata = parse_metadata(fields)
    added, images = await _parsed_items(client, fields) if fields.optional("items", list) else ([], [])
    fields.ignore_all_but({"metadata", "items"})
    client.ignored = list(fields.ignored)
    return JsonResponse(await _new(client, metadata, to_messages(added), images))


@with_database
@transaction.atomic
def _new(client: Client, metadata: dict, messages: list[dict], images: list[Attachment]) -> dict:
    session = Session.objects.create(owner=client.user)
    if title := metadata.get("title"):
        rename(session, title)
    Conversation.objects.create(session=session, metadata=metadata)
    add_items(client.user, session, messages, images)
    return _object(session, metadata)


async def _retrieve(request: HttpRequest, client: Client, name: str) -> HttpResponseBase:
    return JsonResponse(await _current(client, name))


@with_database
def _current(client: Client, name: str) -> dict:
    session = _find(client, name)
    kept = Conversation.objects.filter(session=session).first()
    return _object(session, kept.metadata if kept else {})


async def _update(request: HttpRequest, client: Client, name: str) -> HttpResponseBase:
    fields = Fields(parse_body(request))
    return JsonResponse(await _set_metadata(client, name, parse_metadata(fields)))


@with_database
def _set_metadata(client: Client, name: str, metadata: dict) -> dict:
    session = _find(client, name)
    Conversation.objects.update_or_create(session=session, defaults={"metadata": metadata})
    return _object(session, metadata)


async def _delete(request: HttpRequest, client: Client, name: str) -> HttpResponseBase:
    """Stop the answer in progress, and delete the chat with everything of it (B40)."""
    return JsonResponse(await _delete_chat(client, name))


@with_database
def _delete_chat(client: Client, name: str) -> dict:
    session = _find(client, name)
    deleted = {"id": conversation_id(session.pk), "object": "conversation.deleted", "deleted": True}
    delete_session(session, by=client.user)
    return deleted


async def _items(request: HttpRequest, client: Client, name: str) -> HttpResponseBase:
    """A page of the visible branch, newest first unless `order=asc`."""
    return JsonResponse(page_of_items(request, await _items_of(client, name)))


@with_database
def _items_of(client: Client, name: str) -> list[dict]:
    return items_of_chat(_find(client, name))


async def _item(request: HttpRequest, client: Client, name: str, item_id: str) -> HttpResponseBase:
    found = [item for item in await _items_of(client, name) if item["id"] == item_id]
    if not found:
        raise ItemNotFound("There is no such item.", "item_id")
    return JsonResponse(found[0])


async def _add(request: HttpRequest, client: Client, name: str) -> HttpResponseBase:
    """Add items to the end of the chat. Those that no answer follows wait for one."""
    fields = Fields(parse_body(request))
    session = await _found(client, name)
    added, images = await _parsed_items(client, fields)
    fields.ignore_all_but({"items"})
    client.ignored = list(fields.ignored)
    messages = to_messages(added)
    items = await _added(client.user, session, messages, images)
    count = len(to_items([message for message in messages if message["role"] != SYSTEM], ""))
    return JsonResponse(list_of(items[len(items) - count :]))


async def _parsed_items(client: Client, fields: Fields) -> tuple[list[dict], list[Attachment]]:
    """The request's `items`, stored as far as they have images."""
    items = parse_items(fields, "items")
    if len(to_messages(items)) > MAX_ITEMS:
        raise Refusal(f"items may be up to {MAX_ITEMS}.", "items")
    check_summaries(client.user, items, "items")
    return items, await _stored(client.user, items)


_stored, _added = with_database(store_parts), with_database(add_items)


def _find(client: Client, name: str) -> Session:
    session = conversation_of(client.user, name)
    if session is None:
        raise ConversationNotFound("There is no such conversation.", "conversation_id")
    return session


_found = with_database(_find)


def _object(session: Session, metadata: dict) -> dict:
    created_at = int(session.created_at.timestamp())
    head = {"id": conversation_id(session.pk), "object": "conversation"}
    return head | {"created_at": created_at, "metadata": metadata}


conversations = endpoint(post=_create)
conversation = endpoint(get=_retrieve, post=_update, delete=_delete)
items, item = endpoint(get=_items, post=_add), endpoint(get=_item)
