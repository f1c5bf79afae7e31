"""Modules and style sheets are files by component, and few files for a browser."""

import json
import logging
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders

from chatapp.web.shell.assets import HashedStorage
from chatapp.web.shell.bundles import ENTRIES, find_esbuild, make_bundles
from chatapp.web.templatetags import modules
from tests.harness.plugin import skip_missing

ROOMS = {folder.parent.name: folder for folder in settings.WEB_STATIC_DIRS}
SOURCES = {
    f"{room}/{file.relative_to(folder)}": file for room, folder in ROOMS.items() for file in folder.rglob("*.[cj]s*")
}
SHEETS = {name: file for name, file in SOURCES.items() if name.endswith(".css")}
LINKED = set(
    re.findall(r"static '([^']+\.(?:css|js))'", "".join(p.read_text() for p in Path("templates").rglob("*.html")))
)
OURS = ("vendor/markdown-it/dist/browser/markdown-it.esm.min.mjs", *SOURCES)


class Collected:
    """What `collectstatic` makes of our modules and style sheets."""

    def __init__(self, folder: Path):
        self.storage, self.folder = HashedStorage(location=folder, base_url="/static/"), folder
        places = {}
        for finder in get_finders():
            for path, storage in finder.list(None):
                name = f"{getattr(storage, 'prefix', None) or ''}/{path}".lstrip("/")
                if name in OURS:
                    places[name] = (storage, path)
                    with storage.open(path) as file:
                        self.storage.save(name, file)
        self.results = list(self.storage.post_process(places))

    def text(self, name: str) -> str:
        return (self.folder / self.storage.hashed_files[name]).read_text()


@pytest.fixture(scope="module")
def collected(tmp_path_factory) -> Collected:
    if find_esbuild(settings.BROWSER_PACKAGES_DIR) is None:
        skip_missing("esbuild is not installed: nothing was bundled")
    return Collected(tmp_path_factory.mktemp("bundled"))


@pytest.fixture
def preloads(monkeypatch):
    """The URLs that a page preloads for a module, with the files of this storage."""

    def urls(storage: HashedStorage, entry: str) -> list[str]:
        monkeypatch.setattr(modules, "staticfiles_storage", storage)
        monkeypatch.setattr(modules, "static", storage.url)
        return list(modules.imported_urls.__wrapped__(entry))

    return urls


def test_what_templates_load_is_bundled_and_nothing_else():
    assert set(ENTRIES) == LINKED


def test_a_page_of_a_chat_needs_three_modules_and_one_style_sheet(collected, preloads):
    shared = preloads(collected.storage, "shell/page.js")
    assert len(shared) == 2
    assert all(re.fullmatch(r"/static/shared/([0-9A-Z]{8})\.\1\.js", url) for url in shared)
    assert "@import" not in collected.text("shell/chatapp.css")


def test_modules_with_state_are_in_one_file_that_pages_share(collected, preloads):
    assert set(preloads(collected.storage, "compare/compare.js")) <= set(preloads(collected.storage, "shell/page.js"))
    states = [
        name for name in collected.storage.hashed_files if name.endswith(".js") and "/ws/" in collected.text(name)
    ]
    assert len(states) == 1


def test_every_style_sheet_is_linked_or_imported_once(collected):
    maps = [json.loads(collected.text(f"{name}.map"))["sources"] for name in LINKED if name.endswith(".css")]
    sources = sorted(Path(source).name for sources in maps for source in sources)
    wholes = {
        name for name in LINKED if name in SHEETS and "{" not in re.sub(r"/\*.*?\*/", "", SHEETS[name].read_text())
    }
    assert sources == sorted(Path(name).name for name in set(SHEETS) - wholes)


def test_source_maps_have_the_files_as_they_are_written(collected):
    text = collected.text("shell/page.js")
    linked = re.search(r"//# sourceMappingURL=(\S+)$", text)[1]
    found = json.loads((collected.folder / "shell" / linked).read_text())
    at = found["sources"].index("sidebar.js")
    assert re.fullmatch(r"page\.js\.[0-9a-f]{12}\.map", linked)
    assert found["sourcesContent"][at] == SOURCES["shell/sidebar.js"].read_text()


def test_collecting_a_bundle_moves_nothing_off_its_source_map(collected):
    shared = [name for name in collected.storage.hashed_files if re.fullmatch(r"shared/\w+\.js", name)]
    assert any("import" in collected.text(name) for name in shared)
    for name in shared:
        made, _, link = (collected.folder / name).read_text().rpartition("\n//# ")
        assert collected.text(name).rpartition("\n//# ")[0] == made
        assert link.startswith("sourceMappingURL=")


def test_what_changes_in_a_shared_module_renames_all_that_import_it(collected, tmp_path, monkeypatch):
    def change_and_make(esbuild: Path, folder: Path) -> None:
        status = folder / "shell" / "status.js"
        status.write_text(status.read_text().replace("Reconnected", "Connected once more"))
        make_bundles(esbuild, folder)

    monkeypatch.setattr("chatapp.web.shell.assets.make_bundles", change_and_make)
    before, after = (
        {name for name in each.storage.hashed_files.values() if name.endswith(".js")}
        for each in (collected, Collected(tmp_path))
    )
    unchanged = {name.partition(".")[0]: (tmp_path / name).read_text() for name in before & after}
    same = {name for name, text in unchanged.items() if "StateInline" not in text and "expressions" not in text}
    assert same == {"account/link_token", "providers/model_choice"}  # besides markdown-it and lexers: they import none


def test_without_esbuild_modules_stay_as_they_are_and_one_line_says_so(tmp_path, monkeypatch, caplog, preloads):
    monkeypatch.setattr("chatapp.web.shell.assets.find_esbuild", lambda packages: None)
    with caplog.at_level(logging.WARNING):
        plain = Collected(tmp_path)
    assert [record.message for record in caplog.records if record.name == HashedStorage.__module__] == [
        "esbuild is not installed: pages load their modules and style sheets one by one"
    ]
    urls = preloads(plain.storage, "shell/page.js")
    assert len(urls) > 20
    assert {url.removeprefix("/static/") for url in urls} <= set(plain.storage.hashed_files.values())
    assert not [result for result in plain.results if isinstance(result[2], Exception)]
