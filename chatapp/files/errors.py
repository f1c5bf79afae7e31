"""Why a file is not stored, or not deleted.

    FileRefused
    ├── FileEmpty
    ├── FileTooLarge
    ├── FileTypeUnsupported
    ├── FileQuotaExceeded
    ├── FileStorageFull
    │   └── UploadStorageFull
    ├── FileInUse
    ├── FileUnknown
    ├── ImageInvalid
    ├── ImageTooLarge
    ├── ImageTooSlow
    ├── ImagesBusy
    ├── ImagesNotSeen
    ├── DocumentInvalid
    ├── DocumentEncrypted
    ├── DocumentTooLarge
    ├── DocumentTooSlow
    ├── DocumentWithoutText
    ├── DocumentsBusy
    └── PagesInvalid

`docs/errors.md` lists every code.
"""

from django.core.exceptions import SuspiciousOperation

from chatapp.errors import AppError


class FileRefused(AppError):
    """This file could not be stored."""


class FileEmpty(FileRefused):
    """The file is empty."""

    code = "file_empty"
    status = 422


class FileTooLarge(FileRefused):
    """The file is too large."""

    code = "file_too_large"
    status = 413


class FileTypeUnsupported(FileRefused):
    """Files of this type can't be read. Text, PDF, Word, Excel, PowerPoint, HTML and images can."""

    code = "file_type_unsupported"
    status = 415


class FileQuotaExceeded(FileRefused):
    """Your files have used all of your storage. Delete some chats with files first."""

    code = "file_quota_exceeded"
    status = 413


class FileStorageFull(FileRefused):
    """This site can't store files at the moment. Please try again later."""

    code = "file_storage_full"
    status = 507
    retryable = True


# Raised while Django reads a request, where only a SuspiciousOperation may choose the response.
class UploadStorageFull(FileStorageFull, SuspiciousOperation):
    """This site cannot store files at the moment. Please try again later."""


class FileInUse(FileRefused):
    """This file is attached to a message. It is deleted with the last message that has it."""

    code = "file_in_use"
    status = 409


class FileUnknown(FileRefused):
    """A file of this message no longer exists. Attach it again."""

    code = "file_unknown"
    status = 422


class ImageInvalid(FileRefused):
    """This file is damaged, or is not an image."""

    code = "image_invalid"
    status = 422


class ImageTooLarge(FileRefused):
    """This image has too many pixels. Make it smaller first."""

    code = "image_too_large"
    status = 413


class ImageTooSlow(FileRefused):
    """This image takes too long to read. Save it in another format first."""

    code = "image_too_slow"
    status = 422


class ImagesBusy(FileRefused):
    """Too many images are being read at the moment. Please try again."""

    code = "images_busy"
    status = 503
    retryable = True


class ImagesNotSeen(FileRefused):
    """This model can't see images. Choose one that can."""

    code = "images_not_seen"
    status = 422


class DocumentInvalid(FileRefused):
    """This document is damaged, or is not what it claims to be."""

    code = "document_invalid"
    status = 422


class DocumentEncrypted(FileRefused):
    """This document is protected by a password. Save it without one first."""

    code = "document_encrypted"
    status = 422


class DocumentTooLarge(FileRefused):
    """There is too much in this document to read it. Split it first."""

    code = "document_too_large"
    status = 413


class DocumentTooSlow(FileRefused):
    """This document takes too long to read. Split it, or save it in another format first."""

    code = "document_too_slow"
    status = 422


class DocumentWithoutText(FileRefused):
    """There is no text in this document. If its pages are scanned, attach them as images."""

    code = "document_without_text"
    status = 422


class DocumentsBusy(FileRefused):
    """Too many documents are being read at the moment. Please try again."""

    code = "documents_busy"
    status = 503
    retryable = True


class PagesInvalid(FileRefused):
    """Write pages like this: 1-5, 8."""

    code = "pages_invalid"
    status = 422
