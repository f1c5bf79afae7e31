"""Share a session by a public link, until it is revoked.

The link displays the session as it is when opened: the owner's current branch, without active answers and without
anything about the owner. It is paged, which bounds the cost of a public request. Files of that branch are shown, and
served by addresses below the link, if the owner chose so.
"""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from chatapp.accounts.throttles import throttled_address
from chatapp.chats.actions import share, unshare
from chatapp.chats.models import Message, MessageState, Session
from chatapp.chats.titles import title_of, with_opening
from chatapp.files.models import FileState, StoredFile
from chatapp.files.responses import Content, content_response
from chatapp.web.chat.page import find_session
from chatapp.web.chat.paging import Pager
from chatapp.web.chat.transcript import entries
from chatapp.web.shell.decorators import private
from runs.queries.branches import shown_ids

ResponseT = TypeVar("ResponseT", bound=HttpResponseBase)


@require_http_methods(["GET", "POST"])
@private
def share_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET displays the link, if there is one. POST creates it, or revokes it with `off`; a new link differs.

    `files` shows files to visitors, too; without it an existing link stops doing so.
    """
    session = find_session(request, pk)
    if request.method == "POST":
        if "off" in request.POST:
            unshare(session)
        else:
            share(session, with_files="files" in request.POST)
        return redirect("share", pk)
    link = request.build_absolute_uri(reverse("shared", args=[session.share_token])) if session.share_token else ""
    return render(request, "chat/share.html", {"session": session, "title": title_of(session), "link": link})


@require_GET
@never_cache
@throttled_address
def show_shared_session(request: HttpRequest, token: str) -> HttpResponse:
    """A page of the session, from message number `from` (the first is 1). Neither cached nor indexed."""
    session = _shared(token)
    ids, tree = shown_ids(session)
    pager, start = Pager(ids, is_shared=True), _start(request.GET.get("from", ""), len(ids))
    page = pager.page_from(start)
    end = start + len(page)
    context = {
        "title": title_of(session),
        "token": token if session.share_files else "",
        "entries": entries(_final_messages(session, page), tree, is_shared=True),
        "earlier": start - len(pager.page_to(start)) + 1 if start else None,
        "later": end + 1 if end < len(ids) else None,
    }
    return _unindexed(render(request, "chat/shared.html", context))


@require_safe
@never_cache
@throttled_address
def show_shared_file(request: HttpRequest, token: str, pk: UUID) -> HttpResponseBase:
    """The content of a file of the shown branch, if files are shared. 404 for any other."""
    return _file_response(request, token, pk, Content.of)


@require_safe
@never_cache
@throttled_address
def show_shared_thumbnail(request: HttpRequest, token: str, pk: UUID) -> HttpResponseBase:
    """A small version of an image."""
    return _file_response(request, token, pk, Content.thumbnail_of)


def _shared(token: str) -> Session:
    """The session that a link shows. Raises Http404."""
    session = with_opening(Session.objects.listed().filter(share_token=token, owner__is_active=True)).first()
    if session is None:
        raise Http404
    return session


def _file_response(
    request: HttpRequest, token: str, pk: UUID, content_of: Callable[[StoredFile], Content]
) -> HttpResponseBase:
    """No browser may keep it: the link may be revoked."""
    session = _shared(token)
    file = StoredFile.objects.filter(pk=pk, owner_id=session.owner_id, state=FileState.STORED).first()
    if file is None or not session.share_files:
        raise Http404
    holders = file.attachments.filter(message__session=session).values_list("message_id", flat=True)
    if set(holders).isdisjoint(shown_ids(session)[0]):
        raise Http404
    response = content_response(request, content_of(file))
    response["Cache-Control"] = "no-store"
    return _unindexed(response)


def _unindexed(response: ResponseT) -> ResponseT:
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _start(number: str, count: int) -> int:
    """The index of a page's first message; 0 if `number` is not a number or too high."""
    index = int(number) - 1 if number.isascii() and number.isdecimal() and len(number) < 10 else 0
    return index if 0 <= index < count else 0


def _final_messages(session: Session, ids: list[UUID]) -> list[Message]:
    """The final messages, without reasoning and tool calls, which are not shared and may be long."""
    final = session.messages.exclude(state__in=[MessageState.WAITING, MessageState.ANSWERING])
    messages = final.defer("reasoning", "tools").in_bulk(ids)
    return [messages[pk] for pk in ids if pk in messages]
