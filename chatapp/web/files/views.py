"""The content of a file, for its owner."""

from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from chatapp.files.models import StoredFile
from chatapp.files.responses import file_response
from chatapp.web.shell.expired import log_in_first


@require_safe
def show_file(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """404 for another user's file, as for one that does not exist (B55).

    Not `private`, which forbids the browser to keep the content: it never changes.
    """
    if not request.user.is_authenticated:
        return log_in_first(request)
    return file_response(request, get_object_or_404(StoredFile.objects.visible_to(request.user), pk=pk))
