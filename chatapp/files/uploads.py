"""Uploads on their way in: bounded before they are kept."""

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

PARTS_BYTES = 64 * 1024  # of a request, for the headers of a form's parts


class BoundedUpload(FileUploadHandler):
    """Stop reading as soon as the files of a request exceed what any may hold. The handlers after this keep them."""

    def handle_raw_input(self, *args: object, **kwargs: object) -> None:
        self._bytes_left = settings.UPLOAD_MAX_BYTES

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self._bytes_left -= len(raw_data)
        if self._bytes_left < 0:
            raise RequestDataTooBig("The attached files are too large for one message. Attach fewer or smaller ones.")
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
