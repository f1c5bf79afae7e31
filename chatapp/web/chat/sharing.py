"""A link by which anybody can read a session, until it is revoked.

Shown is what the session holds when the link is opened: the branch its owner sees, without what is being written and
without a word about the owner. It comes in pages, and costs as little as a page does: anybody may ask for it.
"""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from chatapp.accounts.throttles import throttled_address
from chatapp.chats.actions import share, unshare
from chatapp.chats.models import Message, MessageState, Session
from chatapp.chats.naming import title_of, with_opening
from chatapp.web.chat.page import find_session
from chatapp.web.chat.paging import PAGE_MESSAGES, fitting
from chatapp.web.chat.transcript import entries
from chatapp.web.shell.decorators import private
from runs.queries.branches import shown_ids


@require_http_methods(["GET", "POST"])
@private
def share_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET shows the link, if there is one. POST makes it, or, with `off`, revokes it; a later one is another one."""
    session = find_session(request, pk)
    if request.method == "POST":
        change = unshare if "off" in request.POST else share
        change(session)
        return redirect("share", pk)
    link = request.build_absolute_uri(reverse("shared", args=[session.share_token])) if session.share_token else ""
    return render(request, "chat/share.html", {"session": session, "title": title_of(session), "link": link})


@require_GET
@never_cache
@throttled_address
def show_shared_session(request: HttpRequest, token: str) -> HttpResponse:
    """A page of the session for everybody who has the link; not for search engines, and for no cache.

    It begins with the message whose number is `from`, counted from 1.
    """
    session = with_opening(Session.objects.listed().filter(share_token=token, owner__is_active=True)).first()
    if session is None:
        raise Http404
    ids, tree = shown_ids(session)
    start = _start(request.GET.get("from", ""), len(ids))
    later = start + fitting(ids[start : start + PAGE_MESSAGES], is_shared=True)
    before = ids[max(start - PAGE_MESSAGES, 0) : start][::-1]
    context = {
        "title": title_of(session),
        "entries": entries(_written(session, ids[start:later]), tree),
        "earlier": start - fitting(before, is_shared=True) + 1 if start else None,
        "later": later + 1 if later < len(ids) else None,
    }
    response = render(request, "chat/shared.html", context)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _start(number: str, count: int) -> int:
    """The place of the first message of a page; what is no number, or one too high, is the first page."""
    place = int(number) - 1 if number.isascii() and number.isdecimal() and len(number) < 10 else 0
    return place if 0 <= place < count else 0


def _written(session: Session, ids: list[UUID]) -> list[Message]:
    """Those that are not waited for, without what is not shared: it may be long."""
    written = session.messages.exclude(state__in=[MessageState.WAITING, MessageState.ANSWERING])
    messages = written.defer("reasoning", "tools").in_bulk(ids)
    for message in messages.values():
        message.reasoning, message.tools = "", []
    return [messages[pk] for pk in ids if pk in messages]
