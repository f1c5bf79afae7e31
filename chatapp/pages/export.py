"""A session as a file to keep."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from chatapp.chats.models import Session
from chatapp.pages.conversation import find_session
from chatapp.pages.requests import private
from runs.export import document_of, file_name, markdown_of


@require_GET
@private
def markdown(request: HttpRequest, pk: UUID) -> HttpResponse:
    session = find_session(request, pk)
    return _file(HttpResponse(markdown_of(session), content_type="text/markdown; charset=utf-8"), session, "md")


@require_GET
@private
def json(request: HttpRequest, pk: UUID) -> HttpResponse:
    session = find_session(request, pk)
    response = JsonResponse(document_of(session), json_dumps_params={"ensure_ascii": False, "indent": 1})
    return _file(response, session, "json")


def _file(response: HttpResponse, session: Session, suffix: str) -> HttpResponse:
    response["Content-Disposition"] = f'attachment; filename="{file_name(session, suffix)}"'
    return response
