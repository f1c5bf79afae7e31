"""Uploads on their way in: bounded before they are kept, and gone with their process."""

import logging
from tempfile import TemporaryFile
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from chatapp.files.errors import UploadStorageFull

logger = logging.getLogger(__name__)

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


class UnnamedFileUpload(FileUploadHandler):
    """Keep an upload in a file without a name, which the system deletes with the process. Django's would stay."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        try:
            content = TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115  (closed with the request)
        except OSError as error:
            raise _full(error) from error
        self.file = UploadedFile(content, self.file_name, self.content_type, 0, self.charset, self.content_type_extra)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        try:
            self.file.write(raw_data)
        except OSError as error:
            self.file.close()
            raise _full(error) from error

    def file_complete(self, file_size: int) -> "UploadedFile[bytes]":
        try:
            self.file.seek(0)  # which writes what is buffered
        except OSError as error:
            self.file.close()
            raise _full(error) from error
        self.file.size = file_size
        return self.file

    def upload_interrupted(self) -> None:
        if hasattr(self, "file"):
            self.file.close()


def _full(error: OSError) -> UploadStorageFull:
    logger.error("an upload could not be kept: %r", error)
    return UploadStorageFull(repr(error))
