"""Contents to store, and what the storage holds."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chatapp.files.actions import store
from chatapp.files.models import StoredFile


@pytest.fixture
def upload():
    """`upload(alice, b"Wrens", "notes.txt")`: the stored file."""

    def upload_(user, content=b"Wrens", name="notes.txt") -> StoredFile:
        return store(user, SimpleUploadedFile(name, content), name)

    return upload_


@pytest.fixture
def folder(settings, tmp_path) -> Path:
    """Where contents are, empty at first."""
    storages = dict(settings.STORAGES)
    storages["files"] = storages["files"] | {"OPTIONS": storages["files"]["OPTIONS"] | {"location": tmp_path}}
    settings.STORAGES = storages
    return tmp_path


def contents(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.rglob("*") if path.is_file())
