"""Drafts and notices in the browser's session, until the next page displays them; both are bounded.

Without JavaScript, Stop is a button of the composer's form and posts what was typed there; and a message that was sent
after the log-in had expired comes with the next log-in. The session is one row that every request reads and may write.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from chatapp.chats.models import Attachment
from chatapp.web.chat.attachments import uploaded_attachments
from chatapp.web.chat.kept_files import attachments_from, fields_of, kept_attachments

MAX_DRAFTS = 5  # chats whose page has not been loaded since
MAX_NOTICES = 20  # Django messages that no page has displayed yet
NEW = "new"  # instead of a chat's id: the form that starts a chat
KEY = "drafts"
OLD_KEY_PREFIX = "draft:"  # of an earlier version: one key a chat, unbounded


@dataclass
class Draft:
    """A message that was not sent. Files are unsaved."""

    text: str = ""
    files: Sequence[Attachment] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.text or self.files)

    @classmethod
    def posted(cls, request: HttpRequest) -> "Draft":
        """What the message form posted. Files that could not be sent anyway are left out."""
        text = request.POST.get("text", "").replace("\r\n", "\n").replace("\0", "")
        kept, _ = kept_attachments(request)
        uploaded, _ = uploaded_attachments(request)
        return cls(text, kept + uploaded)


def chat_on(page: str) -> str:
    """The key of the draft on the page with this path; empty if it has no form for messages."""
    try:
        match = resolve(page.partition("?")[0])
    except Resolver404:
        return ""
    return {"home": NEW, "session": str(match.kwargs.get("pk"))}.get(match.url_name or "", "")


def keep_draft(request: HttpRequest, chat: object, draft: Draft) -> None:
    """Keep `draft` for the next page of this chat; drop the oldest above MAX_DRAFTS or the total size.

    Text longer than a message may be is cut, since it could not be sent; so are files that come after that.
    """
    _delete_old_keys(request)
    drafts = request.session.get(KEY, {})
    drafts.pop(str(chat), None)
    drafts[str(chat)] = _bounded(draft)
    while len(drafts) > MAX_DRAFTS or sum(map(_length, drafts.values())) > settings.PROMPT_MAX_CHARACTERS:
        del drafts[next(iter(drafts))]
    request.session[KEY] = drafts


def _bounded(draft: Draft) -> str | list:
    """What is stored: the text, or a list of the text and the name, type and text of each file."""
    text = draft.text[: settings.PROMPT_MAX_CHARACTERS]
    files: list[list[str]] = []
    for file in list(draft.files)[: settings.PROMPT_MAX_FILES]:
        entry = fields_of(file)
        if _length([text, *files, entry]) <= settings.PROMPT_MAX_CHARACTERS:
            files.append(entry)
    return [text, *files] if files else text


def _length(stored: str | list) -> int:
    return len(stored) if isinstance(stored, str) else sum(map(_length, stored))


def take_draft(request: HttpRequest, chat: object) -> Draft:
    """Remove and return the draft of this chat; an empty one if there is none."""
    _delete_old_keys(request)
    drafts = request.session.get(KEY, {})
    stored = drafts.pop(str(chat), "")
    if stored:
        request.session[KEY] = drafts
    if isinstance(stored, str):
        return Draft(stored)
    text, *files = stored
    attachments, _ = attachments_from(files, request.user)
    return Draft(text, attachments)


def _delete_old_keys(request: HttpRequest) -> None:
    for key in filter(lambda key: key.startswith(OLD_KEY_PREFIX), list(request.session.keys())):
        del request.session[key]


class BoundedMessages(FallbackStorage):
    """Django's messages, only the newest: a client that never loads a page would accumulate them forever."""

    def _store(self, messages: list[Message], response: HttpResponse, *args: object, **kwargs: object) -> list[Message]:
        return super()._store(messages[-MAX_NOTICES:], response, *args, **kwargs)
