"""The content of a file, for its owner."""

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from chatapp.files.models import StoredFile
from chatapp.files.responses import Content, content_response
from chatapp.web.shell.expired import log_in_first


@require_safe
def show_file(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The content. 404 for another user's file, as for one that does not exist (B55)."""
    return _response(request, pk, Content.of)


@require_safe
def show_thumbnail(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """A small version of an image."""
    return _response(request, pk, Content.thumbnail_of)


def _response(request: HttpRequest, pk: UUID, content_of: Callable[[StoredFile], Content]) -> HttpResponseBase:
    """Not `private`, which forbids the browser to keep the content: it never changes."""
    if not request.user.is_authenticated:
        return log_in_first(request)
    file = get_object_or_404(StoredFile.objects.visible_to(request.user), pk=pk)
    return content_response(request, content_of(file))
