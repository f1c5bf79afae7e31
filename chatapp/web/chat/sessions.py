"""Sessions: create, display, send to, rename, configure, delete.

All pages work without JavaScript. For the page's script the same views respond with the part that changed.
"""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from chatapp.chats.actions import rename
from chatapp.chats.titles import title_of
from chatapp.files.errors import FileRefused
from chatapp.web.chat.composer import Composer, Posted, send_posted, start_posted
from chatapp.web.chat.drafts import NEW, take_draft
from chatapp.web.chat.model_settings import ModelSettingsForm
from chatapp.web.chat.onboarding import onboarding
from chatapp.web.chat.page import (
    change,
    conversation_part,
    error_json,
    find_session,
    more_part,
    own_session,
    redirect_to_end,
    session_page,
    view_response,
)
from chatapp.web.shell.context import preferences_of
from chatapp.web.shell.decorators import is_fetch, post_only, private
from chatapp.web.shell.model_options import usable_models
from runs import actions
from runs.errors import RunError
from runs.session_feed import sessions_changed

MAX_STARTER_CHARACTERS = 4_000  # in an address; longer ones are refused by proxies


@require_GET
@private
def new_session(request: HttpRequest) -> HttpResponse:
    """An empty session. `text` is put into the message field, where the user may change it before it is sent."""
    draft = take_draft(request, NEW)
    text = draft.text or request.GET.get("text", "").replace("\0", "")[:MAX_STARTER_CHARACTERS]
    composer = Composer(request.user, text, preferences_of(request.user).model, files=draft.files)
    composer.model_settings = ModelSettingsForm(models=composer.models, form_id="composer")
    return _home(request, composer)


def _home(request: HttpRequest, composer: Composer, status: int = 200) -> HttpResponse:
    welcome = onboarding(request.user, composer.models, composer.selected_model)
    context = {"composer": composer, "onboarding": welcome, "page_name": "home"}
    return view_response(request, "chat/home.html", context, status)


@post_only
@private
def create_session(request: HttpRequest) -> HttpResponse:
    """Create a session with its first message. The page's script shows the response in place."""
    posted = Posted.from_request(request)
    if not posted.model_settings.is_valid():
        if is_fetch(request):
            return JsonResponse({"message": posted.model_settings.error_text}, status=422)
        return _home(request, posted.composer(), status=422)
    try:
        run = start_posted(posted, request.user)
    except (RunError, FileRefused) as error:
        return error_json(error) if is_fetch(request) else _home(request, posted.composer(error), status=422)
    if not is_fetch(request):
        return redirect_to_end(run.session_id)
    session = find_session(request, run.session_id)
    composer = Composer(request.user, model=session.model)
    composer.models = posted.models
    return session_page(request, session, composer)


@require_GET
@private
def show_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    session = find_session(request, pk)
    actions.mark_read(session)
    draft = take_draft(request, pk)
    return session_page(request, session, Composer(request.user, draft.text, session.model, files=draft.files))


@require_http_methods(["GET", "POST"])
@private
def session_messages(request: HttpRequest, pk: UUID) -> HttpResponse:
    """POST sends a message, or queues it while an answer is active.

    GET is for the script: the conversation after the message `after`, or the messages before the one named `before`,
    or after the one named `later`.
    """
    session = own_session(request, pk)
    if request.method == "POST":
        posted = Posted.from_request(request)
        return change(request, pk, lambda: send_posted(session, posted, request.user), posted.composer)
    if not is_fetch(request):
        return redirect("session", pk)
    return more_part(request, pk) if {"before", "later"} & request.GET.keys() else conversation_part(request, pk)


@post_only
@private
def rename_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    rename(find_session(request, pk), request.POST.get("title", ""))
    sessions_changed(request.user.pk)
    return HttpResponse(status=204) if is_fetch(request) else redirect("session", pk)


@post_only
@private
def go_on_with_summary(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Start a new chat that begins with a summary of this one."""
    session = find_session(request, pk)
    try:
        run = actions.go_on_with_summary(session, user=request.user)
    except RunError as error:
        return session_page(request, session, Composer(request.user, "", session.model, error=error), status=422)
    return redirect_to_end(run.session_id)


@require_http_methods(["GET", "POST"])
@private
def edit_model_settings(request: HttpRequest, pk: UUID) -> HttpResponse:
    """POST changes the settings for the next answers. GET, and a POST with errors, display the form."""
    session = find_session(request, pk)
    posted = request.POST if request.method == "POST" else None
    form = ModelSettingsForm(posted, instance=session, models=usable_models(request.user))
    if form.is_bound and form.is_valid():
        form.save_to(session)
        return redirect_to_end(session.pk)
    context = {"session": session, "title": title_of(session), "form": form}
    return render(request, "chat/model_settings.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@private
def delete_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET asks for confirmation; POST deletes the chat and stops its runs (B40)."""
    session = find_session(request, pk)
    if request.method == "POST":
        actions.delete_session(session, by=request.user)
        return redirect("home")
    return render(request, "chat/delete.html", {"session": session, "title": title_of(session)})
