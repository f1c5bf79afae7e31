"""Export a session as Markdown or JSON."""

from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from chatapp.accounts.throttles import throttled_export
from chatapp.chats.downloads import download
from chatapp.web.chat.page import find_session
from chatapp.web.shell.decorators import private
from runs.queries.export import document_of, file_name, markdown_of


@require_GET
@private
@throttled_export
def export_markdown(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    session = find_session(request, pk)
    return download(markdown_of(session), file_name(session, "md"), "text/markdown; charset=utf-8")


@require_GET
@private
@throttled_export
def export_json(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    session = find_session(request, pk)
    return download(document_of(session), file_name(session, "json"), "application/json")
