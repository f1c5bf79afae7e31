"""One message: display it, copy its text, edit it, switch to its branch."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chatapp.chats.actions import show_branch
from chatapp.chats.attachments import full_text, full_text_of, remaining_files, stored_text
from chatapp.chats.models import Message, Role, Session
from chatapp.chats.tree import Tree
from chatapp.web.chat.composer import Composer, model_of, removed_files_of, text_of
from chatapp.web.chat.page import change
from chatapp.web.chat.transcript import entries
from chatapp.web.shell.decorators import is_fetch, post_only, private
from chatapp.web.shell.model_options import has_choice
from runs.actions import edit_and_send
from runs.models import Run
from runs.queries.answers import answer_now


@require_GET
@private
def show_message(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One message, as the transcript displays it now: for the script. Otherwise the chat's page, at the message."""
    message = find_message(request, pk)
    if not is_fetch(request):
        return redirect_to_message(message)
    context = {"entries": entries([message], Tree(message.session)), "has_other_models": has_choice(request.user)}
    return render(request, "chat/messages.html", context)


@require_GET
@private
def message_text(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The whole message up to now, unrendered: for Copy, and for messages too long for a page.

    A question includes its files, as the model reads it.
    """
    message = find_message(request, pk)
    if message.role == Role.ASSISTANT:
        text = answer_now(message, message.runs.order_by("-id").first()).text
    else:
        text = full_text_of(message)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@post_only
@private
def edit_message(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send an edited question as a new branch; the old branch stays (B40)."""
    question = find_message(request, pk, role=Role.USER)
    text, removed = text_of(request), removed_files_of(request)
    model = model_of(request) or question.session.model
    composer = Composer(request.user, model=model)
    selected = composer.selected_model.name if composer.selected_model else ""
    if _is_already_sent(question, text, removed):
        return change(request, question.session_id, lambda: None)

    def work() -> None:
        edit_and_send(question, text, dropped=removed, user=request.user, model=selected)

    return change(request, question.session_id, work, lambda: composer)


def _is_already_sent(question: Message, text: str, removed: set[UUID]) -> bool:
    """Whether this is a second click: the same edit is a sibling already, and its answer is active (B22)."""
    siblings = Message.objects.filter(session=question.session_id, parent=question.parent_id, content=stored_text(text))
    siblings = siblings.exclude(pk=question.pk).filter(children__runs__in=Run.objects.active())
    edited = full_text(text, remaining_files(question, removed))
    return any(full_text_of(message) == edited for message in siblings.prefetch_related("attachments"))


@post_only
@private
def switch_branch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show another version of a question or an answer, and what follows it."""
    message = find_message(request, pk)
    if request.POST.get("at"):
        show_branch(message)
        return redirect_to_message(message)
    return change(request, message.session_id, lambda: show_branch(message))


def redirect_to_message(message: Message) -> HttpResponse:
    return redirect(f"{reverse('session', args=[message.session_id])}?at={message.pk}#m-{message.pk}")


def find_message(request: HttpRequest, pk: UUID, **lookups: object) -> Message:
    """A message in one of the user's sessions. 404 for another user's, as for one that does not exist (B55)."""
    own = Message.objects.filter(session__in=Session.objects.visible_to(request.user), **lookups)
    return get_object_or_404(own.select_related("session"), pk=pk)
