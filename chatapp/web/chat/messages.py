"""One message: as the transcript shows it, as text, edited, and the branch it stands on."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from chatapp.chats.actions import show_branch
from chatapp.chats.attachments import kept_files, own_words, whole, whole_of
from chatapp.chats.models import Message, Role, Session
from chatapp.web.chat.composer import Composer, dropped_of, model_of, text_of
from chatapp.web.chat.page import change
from chatapp.web.chat.transcript import entries
from chatapp.web.shell.decorators import private
from runs.actions import edit_and_send
from runs.models import Run


@require_GET
@private
def show_message(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One message, as the transcript shows it now."""
    context = {"entries": entries([find_message(request, pk)]), "models": Composer().models}
    return render(request, "chat/messages.html", context)


@require_GET
@private
def message_text(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The message as it was written, up to now: what is copied, and the whole of what is too long for a page.

    A question comes with its files, as the model reads it.
    """
    [entry] = entries([find_message(request, pk)], is_shown=False)
    content = entry.text if entry.is_active else whole_of(entry.message)
    return HttpResponse(content, content_type="text/plain; charset=utf-8")


@require_POST
@private
def edit_message(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask something else in the place of this question; the old branch stays (B40)."""
    question, words, dropped = find_message(request, pk, role=Role.USER), text_of(request), dropped_of(request)
    model = model_of(request) or question.session.model
    composer = Composer(model=model)
    chosen = composer.chosen.name if composer.chosen else ""
    if _is_asked_already(question, words, dropped):
        return change(request, question.session_id, lambda: None)

    def work() -> None:
        edit_and_send(question, words, dropped=dropped, user=request.user, model=chosen)

    return change(request, question.session_id, work, composer)


def _is_asked_already(question: Message, words: str, dropped: set[UUID]) -> bool:
    """Whether this is the second click: the same question stands there and its answer is on its way (B22)."""
    beside = Message.objects.filter(session=question.session_id, parent=question.parent_id, content=own_words(words))
    beside = beside.exclude(pk=question.pk).filter(children__runs__in=Run.objects.active())
    wanted = whole(words, kept_files(question, dropped))
    return any(whole_of(message) == wanted for message in beside.prefetch_related("attachments"))


@require_POST
@private
def switch_branch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show another version of a question or an answer, and what followed it."""
    found = find_message(request, pk)
    return change(request, found.session_id, lambda: show_branch(found))


def find_message(request: HttpRequest, pk: UUID, **values: object) -> Message:
    """A message of one of the user's own sessions; another's is answered like what does not exist (B55)."""
    own = Message.objects.filter(session__in=Session.objects.visible_to(request.user), **values)
    return get_object_or_404(own.select_related("session"), pk=pk)
