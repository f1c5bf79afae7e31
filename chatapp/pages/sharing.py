"""A link by which anybody can read a session, until it is revoked.

Shown is what the session holds when the link is opened: the branch its owner sees, without what is being written and
without a word about the owner.
"""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from chatapp.chats.actions import share as make_link
from chatapp.chats.actions import unshare
from chatapp.chats.models import Message, MessageState, Session
from chatapp.chats.naming import title_of, with_opening
from chatapp.pages.conversation import find_session
from chatapp.pages.requests import private
from chatapp.pages.transcript import entries
from runs.branches import path


@require_http_methods(["GET", "POST"])
@private
def share(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET shows the link, if there is one. POST makes it, or, with `off`, revokes it; a later one is another one."""
    session = find_session(request, pk)
    if request.method == "POST":
        change = unshare if "off" in request.POST else make_link
        change(session)
        return redirect("share", pk)
    link = request.build_absolute_uri(reverse("shared", args=[session.share_token])) if session.share_token else ""
    return render(request, "pages/share.html", {"session": session, "title": title_of(session), "link": link})


@require_GET
@never_cache
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """The session for everybody who has the link; not for search engines, and for no cache."""
    session = with_opening(Session.objects.listed().filter(share_token=token, owner__is_active=True)).first()
    if session is None:
        raise Http404
    context = {"title": title_of(session), "entries": entries(_written(path(session)))}
    response = render(request, "pages/shared.html", context)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _written(messages: list[Message]) -> list[Message]:
    """Those that are not waited for."""
    return [message for message in messages if message.state not in (MessageState.WAITING, MessageState.ANSWERING)]
