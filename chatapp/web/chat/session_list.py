"""What people do with a session as a whole: put it at the top, out of the way, and what is new in it aside."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from chatapp.chats.actions import move
from chatapp.chats.naming import title_of
from chatapp.web.chat.page import find_session
from chatapp.web.shell.decorators import is_fetch, private
from chatapp.web.shell.sidebar import MAX_SESSIONS, PAGE_SESSIONS, archive, sidebar
from runs.actions import mark_read
from runs.session_feed import sessions_changed

ARCHIVE_SESSIONS = 200  # newest ones; what is older is found by searching


@require_GET
@private
def list_sessions(request: HttpRequest) -> HttpResponse:
    """The list, for the script: the part older than `before`, or the first `rows`. 204 if `version` is still right."""
    if not is_fetch(request):
        return redirect("home")
    rows = request.GET.get("rows", "")
    count = int(rows) if rows.isascii() and rows.isdecimal() and len(rows) < 10 else PAGE_SESSIONS
    found = sidebar(request.user, request.GET.get("before", ""), min(max(count, PAGE_SESSIONS), MAX_SESSIONS))
    if request.GET.get("version") == found.version:
        return HttpResponse(status=204)
    return render(request, "shell/sidebar_list.html", {"sidebar": found, "current": _current(request)})


def _current(request: HttpRequest) -> UUID | None:
    """Which session the asking page shows."""
    try:
        return UUID(request.GET.get("current", ""))
    except ValueError:
        return None


@require_POST
@private
def mark_session_seen(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The script's word that its page is being looked at."""
    mark_read(find_session(request, pk))
    return HttpResponse(status=204)


@require_POST
@private
def pin_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Pin to the top of the list, or, with `off`, take down again. What is pinned is not in the archive."""
    return _move(request, pk, is_pinned="off" not in request.POST)


@require_POST
@private
def archive_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put into the archive, or, with `off`, back into the list."""
    return _move(request, pk, is_archived="off" not in request.POST)


def _move(request: HttpRequest, pk: UUID, **to: bool) -> HttpResponse:
    session = find_session(request, pk)
    move(session, **to)
    sessions_changed(session.owner_id)
    return redirect("archive") if request.POST.get("next") == "archive" else redirect("session", pk)


@require_GET
@private
def list_archived_sessions(request: HttpRequest) -> HttpResponse:
    """The sessions in the archive."""
    found = list(archive(request.user)[:ARCHIVE_SESSIONS])
    for session in found:
        session.shown_title = title_of(session)
    return render(request, "chat/archive.html", {"sessions": found, "page_name": "archive"})
