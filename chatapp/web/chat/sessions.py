"""The pages. Every one works without JavaScript; with it the same views answer with the part that changed."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chatapp.chats.actions import rename
from chatapp.chats.naming import title_of
from chatapp.web.chat.composer import Composer, Posted, send_posted, start_posted
from chatapp.web.chat.drafts import take_draft
from chatapp.web.chat.model_settings import TuningForm
from chatapp.web.chat.page import at_end, change, conversation_part, earlier_part, find_session, session_page
from chatapp.web.shell.context import preferences_of
from chatapp.web.shell.decorators import is_fetch, private
from runs import actions
from runs.errors import RunError
from runs.session_feed import sessions_changed


@require_GET
@private
def new_session(request: HttpRequest) -> HttpResponse:
    return _home(request, Composer(model=preferences_of(request.user).model, tuning=TuningForm(belongs_to="composer")))


def _home(request: HttpRequest, composer: Composer, status: int = 200) -> HttpResponse:
    context = {"composer": composer, "page_name": "home"}
    return render(request, "chat/home.html", context, status=status)


@require_POST
@private
def create_session(request: HttpRequest) -> HttpResponse:
    """The first message makes the session."""
    posted = Posted.by(request)
    if not posted.tuning.is_valid():
        return _home(request, posted.back(), status=422)
    try:
        run = start_posted(posted, request.user)
    except RunError as error:
        return _home(request, posted.back(error), status=422)
    return at_end(run.session_id)


@require_GET
@private
def show_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = find_session(request, pk)
    actions.mark_read(found)
    return session_page(request, found, Composer(take_draft(request, pk), found.model))


@require_http_methods(["GET", "POST"])
@private
def session_messages(request: HttpRequest, pk: UUID) -> HttpResponse:
    """POST sends; while an answer is on its way the message waits in the queue. GET is for the script.

    With `before` it brings the messages before that one.
    """
    found = find_session(request, pk)
    if request.method == "POST":
        posted = Posted.by(request)
        return change(request, pk, lambda: send_posted(found, posted, request.user), posted.back())
    if not is_fetch(request):
        return redirect("session", pk)
    return earlier_part(request, pk) if "before" in request.GET else conversation_part(request, pk)


@require_POST
@private
def rename_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Rename."""
    rename(find_session(request, pk), request.POST.get("title", ""))
    sessions_changed(request.user.pk)
    return redirect("session", pk)


@require_http_methods(["GET", "POST"])
@private
def edit_model_settings(request: HttpRequest, pk: UUID) -> HttpResponse:
    """POST changes how the next answers are asked for. GET, and a POST with mistakes, show the form."""
    found = find_session(request, pk)
    form = TuningForm(request.POST if request.method == "POST" else None, instance=found)
    if form.is_bound and form.is_valid():
        form.save_to(found)
        return at_end(found.pk)
    context = {"session": found, "title": title_of(found), "form": form}
    return render(request, "chat/model_settings.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@private
def delete_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET asks whether it is meant; POST deletes the chat and stops what runs in it (B40)."""
    found = find_session(request, pk)
    if request.method == "POST":
        actions.delete_session(found, by=request.user)
        return redirect("home")
    return render(request, "chat/delete.html", {"session": found, "title": title_of(found)})
