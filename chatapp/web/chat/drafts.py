"""Drafts and notices in the browser's session, until the next page displays them; both are bounded.

Without JavaScript, Stop is a button of the composer's form and posts what was typed there. The session is one row
that every request reads and may write.
"""

from uuid import UUID

from django.conf import settings
from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest, HttpResponse

MAX_DRAFTS = 5  # chats where Stop was pressed and the page has not been loaded since
MAX_NOTICES = 20  # Django messages that no page has displayed yet
KEY = "drafts"
OLD_KEY_PREFIX = "draft:"  # of an earlier version: one key a chat, unbounded


def keep_draft(request: HttpRequest, session_id: UUID, text: str) -> None:
    """Keep `text` for the next page of this chat; drop the oldest drafts above MAX_DRAFTS or the total size.

    Text longer than a message may be is cut, since it could not be sent.
    """
    _delete_old_keys(request)
    drafts = request.session.get(KEY, {})
    drafts.pop(str(session_id), None)
    drafts[str(session_id)] = text[: settings.PROMPT_MAX_CHARACTERS]
    while len(drafts) > MAX_DRAFTS or sum(map(len, drafts.values())) > settings.PROMPT_MAX_CHARACTERS:
        del drafts[next(iter(drafts))]
    request.session[KEY] = drafts


def take_draft(request: HttpRequest, session_id: UUID) -> str:
    """Remove and return the draft of this chat; empty if there is none."""
    _delete_old_keys(request)
    drafts = request.session.get(KEY, {})
    draft = drafts.pop(str(session_id), "")
    if draft:
        request.session[KEY] = drafts
    return draft


def _delete_old_keys(request: HttpRequest) -> None:
    for key in filter(lambda key: key.startswith(OLD_KEY_PREFIX), list(request.session.keys())):
        del request.session[key]


class BoundedMessages(FallbackStorage):
    """Django's messages, only the newest: a client that never loads a page would accumulate them forever."""

    def _store(self, messages: list[Message], response: HttpResponse, *args: object, **kwargs: object) -> list[Message]:
        return super()._store(messages[-MAX_NOTICES:], response, *args, **kwargs)
