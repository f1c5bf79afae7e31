"""Why a file is not stored, or not deleted.

    FileRefused
    ├── FileEmpty
    ├── FileTooLarge
    ├── FileTypeUnsupported
    ├── FileQuotaExceeded
    ├── FileStorageFull
    ├── FileInUse
    └── FileUnknown

`docs/errors.md` lists every code.
"""

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
    """Files of this type cannot be read. Text in UTF-8 can."""

    code = "file_type_unsupported"
    status = 415


class FileQuotaExceeded(FileRefused):
    """Your files have used all of your storage. Delete some chats with files first."""

    code = "file_quota_exceeded"
    status = 413


class FileStorageFull(FileRefused):
    """This site cannot store files at the moment. Please try again later."""

    code = "file_storage_full"
    status = 507
    retryable = True


class FileInUse(FileRefused):
    """A message holds this file. It is deleted with the last message that does."""

    code = "file_in_use"
    status = 409


class FileUnknown(FileRefused):
    """A file of this message does not exist any more. Attach it again."""

    code = "file_unknown"
    status = 422
