"""Contents in an S3-compatible storage, which web servers and workers on several machines share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Callers expect what a file system raises."""
    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise OSError(repr(error)) from error


class Bucket(S3Storage):  # type: ignore[misc]  # a library without types
    """A bucket with the settings of FILES_BUCKET_…; keys are where boto3 looks for them."""

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> str:
        with _as_os_error():
            saved: str = super().save(name, content, max_length)
        return saved

    def open(self, name: str, mode: str = "rb") -> "File[Any]":
        with _as_os_error():
            content: File[Any] = super().open(name, mode)
        return content

    def delete(self, name: str) -> None:
        with _as_os_error():
            super().delete(name)

    def exists(self, name: str) -> bool:
        with _as_os_error():
            return bool(super().exists(name))
