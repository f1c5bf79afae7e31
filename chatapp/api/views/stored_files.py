"""Files: upload, list, read, delete."""

from django.conf import settings
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.api.operations import operation
from chatapp.api.serializers.chats import PageSerializer
from chatapp.api.serializers.files import FileTextSerializer, PagesSerializer, StoredFileSerializer, UploadSerializer
from chatapp.api.views.endpoint import Endpoint
from chatapp.files import deletion
from chatapp.files.actions import store
from chatapp.files.errors import (
    DocumentEncrypted,
    DocumentInvalid,
    DocumentsBusy,
    DocumentTooLarge,
    DocumentTooSlow,
    DocumentWithoutText,
    FileEmpty,
    FileInUse,
    FileQuotaExceeded,
    FileStorageFull,
    FileTooLarge,
    FileTypeUnsupported,
    ImageInvalid,
    ImagesBusy,
    ImageTooLarge,
    ImageTooSlow,
    PagesInvalid,
)
from chatapp.files.models import StoredFile
from chatapp.files.responses import Content, content_response
from chatapp.files.uploads import PARTS_BYTES
from runs.errors import PromptTooLong
from runs.message_files import excerpt_for_message

STORE_ERRORS = [FileEmpty, FileTooLarge, FileTypeUnsupported, FileQuotaExceeded, FileStorageFull]
STORE_ERRORS += [ImageInvalid, ImageTooLarge, ImageTooSlow, ImagesBusy]
STORE_ERRORS += [DocumentInvalid, DocumentEncrypted, DocumentTooLarge, DocumentTooSlow, DocumentWithoutText]
STORE_ERRORS += [DocumentsBusy]


class FileEndpoint(Endpoint):
    serializer_class = StoredFileSerializer

    def get_queryset(self):
        return StoredFile.objects.visible_to(self.request.user)


class StoredFiles(FileEndpoint):
    parser_classes = [MultiPartParser]

    @property
    def most_bytes(self) -> int:
        return settings.UPLOAD_MAX_BYTES + PARTS_BYTES

    @operation("list_files", "List your files, newest first", StoredFileSerializer, query=PageSerializer, is_list=True)
    def get(self, request: Request) -> Response:
        """Those that were uploaded, and those that were sent with messages."""
        return self.list_response(request, self.get_queryset(), ["-id"], self.validated_query(request)["limit"])

    @operation(
        "create_file",
        "Upload a file",
        StoredFileSerializer,
        status=201,
        body=UploadSerializer,
        errors=STORE_ERRORS,
    )
    def post(self, request: Request) -> Response:
        """A text, a document, or an image, which is written anew. The same content is the same file, newly named."""
        form = UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        upload = form.validated_data["file"]
        file = store(request.user, upload, upload.name)
        return Response(
            self.get_serializer(file).data, status=201, headers={"Location": reverse("api:file", args=[file.pk])}
        )


class StoredFileDetail(FileEndpoint):
    @operation("read_file", "Read what is known about a file", StoredFileSerializer)
    def get(self, request: Request, pk) -> Response:
        """The content is at `content`."""
        return Response(self.get_serializer(self.get_object()).data)

    @operation("delete_file", "Delete a file that no message refers to", status=204, errors=[FileInUse])
    def delete(self, request: Request, pk) -> Response:
        """Files that messages refer to are deleted with the last of them."""
        deletion.delete(self.get_object())
        return Response(status=204)


class StoredFileContent(FileEndpoint):
    @operation("read_file_content", "Download a file", OpenApiTypes.BINARY)
    def get(self, request: Request, pk) -> HttpResponseBase:
        """Takes `Range`. The content never changes: its ETag is its SHA-256."""
        return content_response(request._request, Content.of(self.get_object()))


class StoredFileText(FileEndpoint):
    @operation(
        "read_file_text",
        "Read what a model reads of a file",
        FileTextSerializer,
        query=PagesSerializer,
        errors=[PagesInvalid, PromptTooLong],
    )
    def get(self, request: Request, pk) -> Response:
        """The text that goes with a message: all of it, or as much as fits. 404 for an image."""
        file = get_object_or_404(self.get_queryset().filter(width=None), pk=pk)
        excerpt = excerpt_for_message(file, self.validated_query(request)["pages"])
        return Response(FileTextSerializer(excerpt).data)
