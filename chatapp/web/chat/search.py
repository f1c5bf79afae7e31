"""Search the titles and messages of a user's own sessions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chatapp.chats.attachments import full_text_of
from chatapp.chats.models import Message, Session
from chatapp.chats.plain_text import excerpt_of
from chatapp.chats.search import (
    INDEXED_CHARACTERS,
    QUERY_CHARACTERS,
    matching_messages,
    matching_sessions,
    pattern,
    words_of,
)
from chatapp.chats.titles import title_of, with_opening
from chatapp.web.shell.decorators import is_fetch, private

PAGE_HITS = 20
MAX_PAGES = 50  # pages; users refine the query before that
BEFORE, AFTER = 60, 140  # characters of a message around its first match
NEAR = 1_000  # characters read before and after the match to find them


@dataclass
class Hit:
    """A session found. `title` and `excerpt` are pieces of text, each with whether it matches."""

    pk: UUID
    title: list[tuple[str, bool]]
    active_at: datetime
    is_archived: bool
    message: UUID | None
    excerpt: list[tuple[str, bool]]


@require_GET
@private
def search_sessions(request: HttpRequest) -> HttpResponse:
    """The page with the hits, newest first; for the script, only the hits."""
    query = request.GET.get("q", "").replace("\0", "")[:QUERY_CHARACTERS]
    number = _page_number(request.GET.get("page", ""))
    words = words_of(query)
    hits = _hits(request.user, words, number)
    context = {
        "query": query,
        "words": words,
        "hits": hits[:PAGE_HITS],
        "next_page": number + 1 if len(hits) > PAGE_HITS and number < MAX_PAGES else None,
        "previous_page": number - 1 if number > 1 else None,
        "page_name": "search",
    }
    return render(request, "chat/hits.html" if is_fetch(request) else "chat/search.html", context)


def _page_number(text: str) -> int:
    return min(max(int(text), 1), MAX_PAGES) if text.isascii() and text.isdecimal() and len(text) < 6 else 1


def _hits(user: AbstractBaseUser, words: list[str], number: int) -> list[Hit]:
    """The hits of one page, and one more if there is another page."""
    matching = matching_sessions(Session.objects.visible_to(user), words).order_by("-active_at", "-id")
    start = (number - 1) * PAGE_HITS
    sessions = list(with_opening(matching)[start : start + PAGE_HITS + 1])
    messages = _newest_matches(sessions, words)
    return [_hit(session, messages.get(session.pk), words) for session in sessions]


def _newest_matches(sessions: list[Session], words: list[str]) -> dict[UUID, Message]:
    """The newest matching message of each session, by session id."""
    if not words:
        return {}
    matching = matching_messages(Message.objects.filter(session__in=sessions), words).order_by("id")
    newest = dict(matching.values_list("session_id", "id"))
    messages = Message.objects.defer("html", "reasoning").prefetch_related("attachments")
    return {message.session_id: message for message in messages.in_bulk(list(newest.values())).values()}


def _hit(session: Session, message: Message | None, words: list[str]) -> Hit:
    return Hit(
        session.pk,
        pieces(title_of(session), words),
        session.active_at,
        session.archived_at is not None,
        message.pk if message else None,
        pieces(_excerpt(full_text_of(message), words), words) if message else [],
    )


def _excerpt(text: str, words: list[str]) -> str:
    """The text around the first match, without Markdown syntax."""
    match = pattern(words).search(text, 0, INDEXED_CHARACTERS)  # 0.5 µs a character, so not all of a very long answer
    middle = match.start() if match else 0
    first = 0 if middle <= NEAR else text.find("\n", middle - NEAR, middle) + 1 or middle - NEAR
    last = middle + NEAR
    plain = excerpt_of(text[first:last])
    match = pattern(words).search(plain)
    start = max(match.start() - BEFORE, 0) if match else 0
    end = (match.end() if match else 0) + AFTER
    before, after = "…" if start or first else "", "…" if end < len(plain) or last < len(text) else ""
    return f"{before}{plain[start:end].strip()}{after}"


def pieces(text: str, words: list[str]) -> list[tuple[str, bool]]:
    """The text split at its matches: (piece, whether it matches)."""
    return [(piece, index % 2 == 1) for index, piece in enumerate(pattern(words).split(text)) if piece]
