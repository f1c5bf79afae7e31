"""Files as JSON."""

from rest_framework import serializers

from chatapp.api.serializers.fields import Id
from chatapp.api.serializers.strict import StrictSerializer
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
    sha256 = serializers.CharField(read_only=True)
    kept_until = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When it is deleted if no message refers to it. Null: one does."
    )

    class Meta:
        model = StoredFile
        fields = ["id", "name", "media_type", "size", "width", "height", "sha256", "created_at", "kept_until"]
        read_only_fields = fields
