"""Exports of sessions and comparisons as files."""

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.accounts.throttles import EXPORTS
from chatapp.api.operations import operation
from chatapp.api.serializers.chats import SessionDocumentSerializer
from chatapp.api.views.compare import ComparisonEndpoint
from chatapp.api.views.endpoint import SessionEndpoint
from chatapp.chats.downloads import download
from chatapp.chats.titles import with_opening
from chatapp.compare.export import file_name_of
from chatapp.compare.export import markdown_of as comparison_as_markdown
from runs.queries.export import document_of, file_name, markdown_of


class MarkdownRenderer(BaseRenderer):
    """Renders text unchanged."""

    media_type = "text/markdown"
    format = "md"

    def render(self, data: str, accepted_media_type=None, renderer_context=None) -> bytes:
        return data.encode()


class SessionFile(SessionEndpoint):
    throttle_scopes = {"GET": EXPORTS}

    def get_queryset(self):
        return with_opening(super().get_queryset())


class SessionMarkdown(SessionFile):
    renderer_classes = [MarkdownRenderer]

    @operation("export_session_as_markdown", "Export a session as Markdown", OpenApiTypes.STR)
    def get(self, request: Request, pk) -> HttpResponseBase:
        """The visible branch, with active answers as written so far."""
        session = self.get_object()
        return download(markdown_of(session), file_name(session, "md"), "text/markdown; charset=utf-8")


class SessionDocument(SessionFile):
    serializer_class = SessionDocumentSerializer

    @operation("export_session", "Export a session with all branches as JSON", SessionDocumentSerializer)
    def get(self, request: Request, pk) -> HttpResponseBase:
        """Each message names the one before it as its parent. Active answers are included as written so far."""
        session = self.get_object()
        return download(document_of(session), file_name(session, "json"), "application/json")


class ComparisonMarkdown(ComparisonEndpoint):
    throttle_scopes = {"GET": EXPORTS}
    renderer_classes = [MarkdownRenderer]

    @operation("export_comparison", "Export a comparison as Markdown", OpenApiTypes.STR)
    def get(self, request: Request, pk) -> Response:
        """Prompt, answers with their figures, and the vote. A blind comparison hides names until the vote."""
        comparison = self.get_object()
        return as_file(comparison_as_markdown(comparison), file_name_of(comparison))


def as_file(data: object, name: str) -> Response:
    return Response(data, headers={"Content-Disposition": f'attachment; filename="{name}"'})
