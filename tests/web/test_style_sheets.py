"""Style sheets are files by component, and one file for a browser."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from chatapp.web.shell.assets import HashedStorage

ROOMS = {folder.parent.name: folder for folder in settings.WEB_STATIC_DIRS}
SHEETS = {f"{room}/{file.name}": file for room, folder in ROOMS.items() for file in folder.glob("*.css")}
LINKED = set(re.findall(r"static '([^']+\.css)'", "".join(p.read_text() for p in Path("templates").rglob("*.html"))))


@pytest.fixture
def collected(tmp_path) -> dict[str, str]:
    """What `collectstatic` makes of the style sheets: by the name without a hash."""
    storage = HashedStorage(location=tmp_path, base_url="/static/")
    paths = {name: (FileSystemStorage(location=file.parent), file.name) for name, file in SHEETS.items()}
    for name, file in SHEETS.items():
        storage.save(name, ContentFile(file.read_bytes()))
    list(storage.post_process(paths))
    return {name: (tmp_path / storage.hashed_files[name]).read_text() for name in SHEETS}


def test_a_linked_style_sheet_is_collected_as_one_file(collected):
    for name in LINKED:
        assert "@import" not in collected[name]
    whole, parts = collected["shell/chatapp.css"], ["shell/tokens.css", "shell/buttons.css", "chat/composer.css"]
    places = [whole.find(SHEETS[part].read_text()) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


def test_every_style_sheet_is_linked_or_imported_once(collected):
    wholes = [collected[name] for name in LINKED]
    for name in set(SHEETS) - LINKED:
        assert [SHEETS[name].read_text() in whole for whole in wholes].count(True) == 1, name


def test_what_is_imported_has_no_relative_addresses():
    for name in set(SHEETS) - LINKED:
        assert "url(" not in SHEETS[name].read_text(), name
