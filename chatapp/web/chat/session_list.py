"""The sidebar's list and the archive: list, pin, archive, mark as seen."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from chatapp.chats.actions import move
from chatapp.chats.models import Session
from chatapp.chats.titles import title_of
from chatapp.web.chat.page import find_session
from chatapp.web.shell.decorators import is_fetch, post_only, private
from chatapp.web.shell.sidebar import MAX_SESSIONS, PAGE_SESSIONS, archive, sidebar
from runs.actions import mark_read
from runs.session_feed import sessions_changed

ARCHIVE_SESSIONS = 200  # newest first; search finds the others


@dataclass
class ArchiveRow:
    pk: UUID
    title: str
    archived_at: datetime

    @classmethod
    def of(cls, session: Session) -> "ArchiveRow":
        return cls(session.pk, title_of(session), session.archived_at)


@require_GET
@private
def list_sessions(request: HttpRequest) -> HttpResponse:
    """For the script: the page after `before`, or the first `rows`. 204 if `version` is still current."""
    if not is_fetch(request):
        return redirect("home")
    rows = request.GET.get("rows", "")
    count = int(rows) if rows.isascii() and rows.isdecimal() and len(rows) < 10 else PAGE_SESSIONS
    listed = sidebar(request.user, request.GET.get("before", ""), min(max(count, PAGE_SESSIONS), MAX_SESSIONS))
    if request.GET.get("version") == listed.version:
        return HttpResponse(status=204)
    return render(request, "shell/sidebar_list.html", {"sidebar": listed, "current": _current_session(request)})


def _current_session(request: HttpRequest) -> UUID | None:
    """The session that the requesting page displays."""
    try:
        return UUID(request.GET.get("current", ""))
    except ValueError:
        return None


@post_only
@private
def mark_session_seen(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Clear the unread badge: the script reports that its page is visible."""
    mark_read(find_session(request, pk))
    return HttpResponse(status=204)


@post_only
@private
def pin_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Pin to the top of the list, or unpin with `off`. Pinning also takes a session out of the archive."""
    return _move(request, pk, is_pinned="off" not in request.POST)


@post_only
@private
def archive_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Archive, or restore to the list with `off`."""
    return _move(request, pk, is_archived="off" not in request.POST)


def _move(request: HttpRequest, pk: UUID, **state: bool) -> HttpResponse:
    session = find_session(request, pk)
    move(session, **state)
    sessions_changed(session.owner_id)
    return redirect("archive") if request.POST.get("next") == "archive" else redirect("session", pk)


@require_GET
@private
def list_archived_sessions(request: HttpRequest) -> HttpResponse:
    rows = [ArchiveRow.of(session) for session in archive(request.user)[:ARCHIVE_SESSIONS]]
    return render(request, "chat/archive.html", {"rows": rows, "page_name": "archive"})
