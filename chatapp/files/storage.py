"""Where contents are: Django's storage with the alias `files`, by default a folder in DATA_DIR."""

import os
from pathlib import Path
from typing import IO, Any

from django.core.files.storage import FileSystemStorage, Storage, storages


def file_storage() -> Storage:
    return storages["files"]


class DurableFolder(FileSystemStorage):
    """A folder whose files are on the disk when `save` returns: their rows say so from then on."""

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> str:
        saved: str = super().save(name, content, max_length)
        path = Path(self.path(saved))
        for synced in (path, path.parent, path.parent.parent):
            _sync(synced)
        return saved


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
