"""The pages. Every one works without JavaScript; with it the same views answer with the part that changed.

What is another user's is answered like what does not exist (B55).
"""

from functools import wraps
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chatapp.chats.models import Message, Session
from chatapp.pages.composer import Composer, Posted, send_posted, start_posted
from chatapp.pages.sessions import sidebar, title_of, with_opening
from chatapp.pages.transcript import entries
from runs.errors import RunError
from runs.lifecycle import request_stop
from runs.models import Run
from streams.access import Viewer, identify
from streams.sse import event_stream


def private(view):
    """For logged-in users only. Fresh on every visit, yet the browser may keep it for Back."""
    return login_required(cache_control(private=True, no_cache=True)(view))


def is_scripted(request: HttpRequest) -> bool:
    """Whether the page's script asks, and not a form or a link."""
    return request.headers.get("X-Requested-With") == "fetch"


@require_GET
@private
def home(request: HttpRequest) -> HttpResponse:
    return _home(request, Composer())


def _home(request: HttpRequest, composer: Composer, status: int = 200) -> HttpResponse:
    context = {"composer": composer, "sidebar": sidebar(request.user, request.GET.get("page"))}
    return render(request, "pages/home.html", context, status=status)


@require_POST
@private
def start(request: HttpRequest) -> HttpResponse:
    """The first message makes the session."""
    posted = Posted.by(request)
    try:
        run = start_posted(posted, request.user)
    except RunError as error:
        return _home(request, posted.back(error), status=422)
    return _at_end(run)


def _at_end(run: Run) -> HttpResponse:
    """To the end of the session's page: without JavaScript nothing else scrolls there."""
    return redirect(f"{reverse('session', args=[run.session_id])}#end")


@require_GET
@private
def session(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _session(request, pk)
    return _session_page(request, found, Composer(request.session.pop(_draft(pk), ""), found.model))


def _session(request: HttpRequest, pk: UUID) -> Session:
    return get_object_or_404(with_opening(Session.objects.visible_to(request.user)), pk=pk)


def _session_page(request: HttpRequest, found: Session, composer: Composer, status: int = 200) -> HttpResponse:
    shown = entries(found.messages.all())
    composer.active = next((entry.run for entry in shown if entry.is_active), None)
    context = {
        "session": found,
        "title": title_of(found),
        "entries": shown,
        "composer": composer,
        "sidebar": sidebar(request.user, request.GET.get("page"), found),
    }
    return render(request, "pages/session.html", context, status=status)


@require_http_methods(["GET", "POST"])
@private
def messages(request: HttpRequest, pk: UUID) -> HttpResponse:
    """POST sends. The script is answered with the messages it does not have; GET asks for just these."""
    found = _session(request, pk)
    if request.method == "POST":
        posted = Posted.by(request)
        try:
            run = send_posted(found, posted, request.user)
        except RunError as error:
            if is_scripted(request):
                return JsonResponse({"code": error.code, "message": error.message}, status=422)
            return _session_page(request, found, posted.back(error), status=422)
        if not is_scripted(request):
            return _at_end(run)
    elif not is_scripted(request):
        return redirect("session", pk)
    return render(request, "pages/messages.html", {"entries": entries(_newer(request, found))})


def _newer(request: HttpRequest, found: Session):
    """The messages after the one that the script shows last; all of them where it names none of this session."""
    after = request.POST.get("after") or request.GET.get("after", "")
    try:
        return found.messages.filter(id__gt=UUID(after))
    except ValueError:
        return found.messages.all()


@require_GET
@private
def message(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One message, as the transcript shows it now."""
    found = get_object_or_404(Message.objects.filter(session__in=Session.objects.visible_to(request.user)), pk=pk)
    return render(request, "pages/messages.html", {"entries": entries([found])})


@require_POST
@private
def stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop an answer. Without JavaScript the button stands in the composer: what was typed there is kept."""
    run = get_object_or_404(Run.objects.visible_to(request.user), pk=pk)
    state = request_stop(run, by=request.user)
    if is_scripted(request):
        return JsonResponse({"state": state})
    if draft := request.POST.get("text", ""):
        request.session[_draft(run.session_id)] = draft
    return _at_end(run)


def _draft(session_id: UUID) -> str:
    """Where the browser's session keeps what was typed while Stop was pressed."""
    return f"draft:{session_id}"


def _logged_in_async(view):
    """`login_required` for what is no page: 401 instead of a way to the login form."""

    @wraps(view)
    async def inner(request: HttpRequest, *args, **kwargs) -> HttpResponseBase:
        if not await identify(lambda: request.user.is_authenticated):
            return HttpResponse(status=401)
        return await view(request, *args, **kwargs)

    return inner


@require_GET
@_logged_in_async
async def events(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The run's stream as server-sent events (docs/protocol.md)."""
    return await event_stream(request, Viewer.of_session(request.user.pk, request.session.session_key), pk)
