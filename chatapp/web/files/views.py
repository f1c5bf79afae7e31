"""Files of users: uploaded by pages before the message that they go with; contents, and what models read of them."""

from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from chatapp.files.actions import store
from chatapp.files.documents.excerpts import PAGES_CHARACTERS, Excerpt, unit_of
from chatapp.files.errors import FileEmpty, FileRefused
from chatapp.files.models import StoredFile
from chatapp.files.responses import Content, content_response
from chatapp.web.shell.decorators import private
from chatapp.web.shell.expired import log_in_first
from runs.errors import RunRefused
from runs.message_files import excerpt_for_message


@require_http_methods(["GET", "POST"])
@never_cache
def upload_file(request: HttpRequest) -> HttpResponse:
    """Store the field `file`: JSON with the `id` for a message's form, or with `code` and `message` of an error.

    GET tells a page whose upload broke off whether it is still logged in: 204, or 401.
    """
    if not request.user.is_authenticated:
        return JsonResponse({"code": "not_authenticated", "message": "You’re logged out."}, status=401)
    if request.method == "GET":
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    try:
        if (upload := request.FILES.get("file")) is None:
            raise FileEmpty
        file = store(request.user, upload, upload.name or "")
    except FileRefused as error:
        body = {"code": error.code, "message": error.message, "retryable": error.retryable}
        return JsonResponse(body, status=error.status)
    return JsonResponse({"id": file.pk, "name": file.name, "media_type": file.media_type, "size": file.size})


@require_safe
def show_file(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The content. 404 for another user's file, as for one that does not exist (B55)."""
    return _response(request, pk, Content.of)


@require_safe
def show_thumbnail(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """A small version of an image."""
    return _response(request, pk, Content.thumbnail_of)


@private
@require_safe
def show_text(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What a model reads of a document or a text: all that fits, or the pages that `pages` names."""
    file = get_object_or_404(StoredFile.objects.visible_to(request.user).filter(width=None), pk=pk)
    pages = request.GET.get("pages", "")[:PAGES_CHARACTERS]
    excerpt, error = Excerpt("", ""), ""
    try:
        excerpt = excerpt_for_message(file, pages)
    except (FileRefused, RunRefused) as refused:
        error = refused.message
    except OSError:  # as after a restore of the database alone
        raise Http404 from None
    context = {"file": file, "unit": unit_of(file), "pages": pages, "excerpt": excerpt, "error": error}
    return render(request, "files/text.html", context, status=422 if error else 200)


def _response(request: HttpRequest, pk: UUID, content_of: Callable[[StoredFile], Content]) -> HttpResponseBase:
    """Not `private`, which forbids the browser to keep the content: it never changes."""
    if not request.user.is_authenticated:
        return log_in_first(request)
    file = get_object_or_404(StoredFile.objects.visible_to(request.user), pk=pk)
    return content_response(request, content_of(file))
