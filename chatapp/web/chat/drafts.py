"""What a form without JavaScript carried beside its button, kept in the browser's session until its page is back.

The session is one row that every request reads and may write: the number of drafts and their size are bounded.
"""

from uuid import UUID

from django.conf import settings
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest

MAX_DRAFTS = 5  # chats in which somebody pressed Stop and has not looked at the page that came back
MAX_NOTICES = 20  # messages of Django's that wait for a page to stand on
KEY = "drafts"
EARLIER = "draft:"  # keys of the version before, one for each chat and without any bound


def keep_draft(request: HttpRequest, session_id: UUID, text: str) -> None:
    """Keep `text` for the next page of this chat. The oldest drafts go when there are too many, or too much of them.

    More than a message may hold could not be sent and is cut.
    """
    _forget_earlier(request)
    drafts = request.session.get(KEY, {})
    drafts.pop(str(session_id), None)
    drafts[str(session_id)] = text[: settings.PROMPT_MAX_CHARACTERS]
    while len(drafts) > MAX_DRAFTS or sum(map(len, drafts.values())) > settings.PROMPT_MAX_CHARACTERS:
        del drafts[next(iter(drafts))]
    request.session[KEY] = drafts


def take_draft(request: HttpRequest, session_id: UUID) -> str:
    """The draft of this chat, which is kept no longer; empty if there is none."""
    _forget_earlier(request)
    drafts = request.session.get(KEY, {})
    draft = drafts.pop(str(session_id), "")
    if draft:
        request.session[KEY] = drafts
    return draft


def _forget_earlier(request: HttpRequest) -> None:
    for key in filter(lambda key: key.startswith(EARLIER), list(request.session.keys())):
        del request.session[key]


class Notices(FallbackStorage):
    """Django's messages, the newest of them: those of a program that never looks at a page would grow for ever."""

    def _store(self, messages, response, *args, **kwargs):
        return super()._store(messages[-MAX_NOTICES:], response, *args, **kwargs)
