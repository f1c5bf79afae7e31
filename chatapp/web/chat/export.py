"""Export a session as Markdown, as JSON, or as both with its files; and all sessions."""

from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from chatapp.accounts.throttles import throttled_export
from chatapp.chats.downloads import download, streamed_download
from chatapp.web.chat.page import find_session
from chatapp.web.shell.decorators import private
from runs.queries.archive import zip_of, zip_of_all
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


@require_GET
@private
@throttled_export
def export_zip(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    session = find_session(request, pk)
    return streamed_download(zip_of(session), file_name(session, "zip"), "application/zip")


@require_GET
@private
@throttled_export
def export_all(request: HttpRequest) -> HttpResponseBase:
    """All chats of the user with all files."""
    return streamed_download(zip_of_all(request.user), "chats.zip", "application/zip")
