"""The sidebar's list and the archive: list, pin, archive, mark as seen; and many chats at once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from chatapp.chats.actions import move
from chatapp.chats.models import Session
from chatapp.chats.titles import title_of, with_opening
from chatapp.web.chat.composer import UUID_TEXT
from chatapp.web.chat.page import find_session
from chatapp.web.shell.decorators import is_fetch, post_only, private
from chatapp.web.shell.sidebar import MAX_SESSIONS, PAGE_SESSIONS, archive, sidebar
from runs.actions import delete_session, mark_read
from runs.session_feed import sessions_changed

ARCHIVE_SESSIONS = 200  # newest first; search finds the others
SELECTABLE_SESSIONS = 200  # newest first, and so many at once


@dataclass
class DatedRow:
    """A session of the archive, with the time it was archived, or of the selection, with its last activity."""

    pk: UUID
    title: str
    at: datetime


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
    if is_fetch(request):
        return HttpResponse(status=204)  # the lists of all open pages are notified
    return redirect("archive") if request.POST.get("next") == "archive" else redirect("session", pk)


@require_GET
@private
def list_archived_sessions(request: HttpRequest) -> HttpResponse:
    rows = [
        DatedRow(session.pk, title_of(session), session.archived_at)
        for session in archive(request.user)[:ARCHIVE_SESSIONS]
    ]
    return render(request, "chat/archive.html", {"rows": rows, "page_name": "archive"})


@require_http_methods(["GET", "POST"])
@private
def select_sessions(request: HttpRequest) -> HttpResponse:
    """GET lists chats with checkboxes. POST archives each `session`, or deletes it after another POST confirms that."""
    listed = with_opening(Session.objects.visible_to(request.user).filter(archived_at=None)).order_by(
        "-active_at", "-id"
    )
    if request.method == "GET":
        rows = [_selectable(session) for session in listed[:SELECTABLE_SESSIONS]]
        return render(request, "chat/select.html", {"rows": rows, "page_name": "select"})
    action = request.POST.get("action")
    if action not in ("archive", "delete"):
        raise BadRequest("action: archive or delete")
    chosen = list(listed.filter(pk__in=_posted_sessions(request)))
    is_deletion = action == "delete"
    if not chosen:
        messages.error(request, "Select at least one chat.")
        return redirect("select")
    if is_deletion and "confirmed" not in request.POST:
        return render(request, "chat/delete_selected.html", {"rows": [_selectable(session) for session in chosen]})
    for session in chosen:
        if is_deletion:
            delete_session(session, by=request.user)
        else:
            move(session, is_archived=True)
    sessions_changed(request.user.pk)
    count = "1 chat" if len(chosen) == 1 else f"{len(chosen)} chats"
    messages.success(request, f"{count} {'deleted' if is_deletion else 'archived'}.")
    return redirect("select")


def _selectable(session: Session) -> DatedRow:
    return DatedRow(session.pk, title_of(session), session.active_at)


def _posted_sessions(request: HttpRequest) -> list[UUID]:
    texts = request.POST.getlist("session")[:SELECTABLE_SESSIONS]
    return [UUID(text) for text in texts if UUID_TEXT.fullmatch(text)]
