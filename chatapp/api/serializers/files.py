"""Files as JSON."""

from rest_framework import serializers

from chatapp.api.serializers.fields import Id
from chatapp.api.serializers.strict import StrictSerializer
from chatapp.files.documents.excerpts import PAGES_CHARACTERS
from chatapp.files.models import StoredFile


class UploadSerializer(StrictSerializer):
    """A form (`multipart/form-data`) with one file."""

    file = serializers.FileField(allow_empty_file=True, help_text="Up to FILE_MAX_BYTES bytes.")


class StoredFileSerializer(serializers.ModelSerializer):
    """A file. Messages refer to it; it is deleted with the last one that does."""

    id = Id(read_only=True)
    name = serializers.CharField(read_only=True)
    media_type = serializers.CharField(read_only=True, help_text="As found in the content.")
    size = serializers.IntegerField(read_only=True, help_text="Bytes.")
    width = serializers.IntegerField(read_only=True, allow_null=True, help_text="Pixels; null: it is no image.")
    height = serializers.IntegerField(read_only=True, allow_null=True)
    parts = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Pages, slides or sheets of a document. Null: it has none."
    )
    encoding = serializers.CharField(
        read_only=True, help_text="Of a text, as found, such as `cp1252`. Empty: UTF-8, or no text."
    )
    sha256 = serializers.CharField(read_only=True)
    kept_until = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When it is deleted if no message refers to it. Null: one does."
    )

    class Meta:
        model = StoredFile
        fields = [
            "id", "name", "media_type", "size", "width", "height", "parts", "encoding", "sha256", "created_at",
            "kept_until",
        ]  # fmt: skip
        read_only_fields = fields


class PagesSerializer(StrictSerializer):
    pages = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=PAGES_CHARACTERS,
        help_text="Of a document, such as `1-5, 8`. Without them: as many as fit, from the first.",
    )


class FileTextSerializer(serializers.Serializer):
    """What goes with a message of a file."""

    text = serializers.CharField(read_only=True, help_text="What was left out is said at its beginning.")
    note = serializers.CharField(
        read_only=True,
        help_text="How it was read, and what of it, such as `pages 1–4 of 10`. Empty: as it is, and all.",
    )
