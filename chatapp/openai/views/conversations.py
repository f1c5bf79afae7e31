"""Conversations: create, read, update, delete, list items. Each of the user's chats is one."""

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from chatapp.chats.actions import rename
from chatapp.chats.models import Attachment, Role, Session
from chatapp.chats.tree import Tree
from chatapp.openai.body_fields import Fields, parse_body
from chatapp.openai.content_parts import store_parts
from chatapp.openai.conversations import (
    SYSTEM,
    add_exchanges,
    conversation_id,
    conversation_of,
    exchanges_of,
    instructions_in,
    with_images,
)
from chatapp.openai.errors import ConversationNotFound, Refusal
from chatapp.openai.input_items import parse_items, to_items, to_messages
from chatapp.openai.models import Conversation
from chatapp.openai.response_requests import parse_metadata
from chatapp.openai.summaries import check_summaries
from chatapp.openai.views.endpoint import Client, endpoint, with_database
from chatapp.openai.views.queries import page_of_items
from runs.actions import delete_session
from runs.limits import check_limits

MAX_ITEMS = 20  # of a new conversation


async def _create(request: HttpRequest, client: Client) -> HttpResponseBase:
    """A chat, with items that it begins with: system messages are its system prompt."""
    fields = Fields(parse_body(request))
    metadata = parse_metadata(fields)
    items = parse_items(fields, "items") if fields.optional("items", list) else []
    if len(to_messages(items)) > MAX_ITEMS:
        raise Refusal(f"items may be up to {MAX_ITEMS}.", "items")
    fields.ignore_all_but({"metadata", "items"})
    client.ignored = list(fields.ignored)
    check_summaries(client.user, items, "items")
    images = await _stored(client.user, items)
    return JsonResponse(await _new(client, metadata, to_messages(items), images))


_stored = with_database(store_parts)


@with_database
@transaction.atomic
def _new(client: Client, metadata: dict, messages: list[dict], images: list[Attachment]) -> dict:
    check_limits(client.user, is_program=True)
    talk = [message for message in messages if message["role"] != SYSTEM]
    exchanges = exchanges_of(talk, "items")
    if talk and talk[-1]["role"] != Role.ASSISTANT:
        raise Refusal("The last item must be an answer: a question is sent with a response.", "items")
    session = Session.objects.create(owner=client.user, system_prompt=instructions_in(messages))
    if title := metadata.get("title"):
        rename(session, title)
    add_exchanges(session, exchanges, {}, {image.file_id: image for image in images if image.file_id})
    Conversation.objects.create(session=session, metadata=metadata)
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
    session = _find(client, name)
    path = Tree(session).path_to(session.tip_id)
    messages = session.messages.prefetch_related("attachments").in_bulk(path)
    return [item for pk in path for item in to_items(with_images(messages[pk]), pk.hex)]


def _find(client: Client, name: str) -> Session:
    session = conversation_of(client.user, name)
    if session is None:
        raise ConversationNotFound("There is no such conversation.", "conversation_id")
    return session


def _object(session: Session, metadata: dict) -> dict:
    created_at = int(session.created_at.timestamp())
    head = {"id": conversation_id(session.pk), "object": "conversation"}
    return head | {"created_at": created_at, "metadata": metadata}


conversations = endpoint(post=_create)
conversation = endpoint(get=_retrieve, post=_update, delete=_delete)
items = endpoint(get=_items)
