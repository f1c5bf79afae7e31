"""Static files with hashed names, and compression of pages."""

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage
from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from servestatic.storage import CompressedManifestStaticFilesStorage

from chatapp.web.shell.bundles import SHARED, bundle_files, find_esbuild, make_bundles

logger = logging.getLogger(__name__)

Sources = dict[str, tuple[Storage, str]]  # {name below /static/: (the storage that has the file, its name there)}

SHARED_MODULE = re.compile(rf"{SHARED}/([0-9A-Z]+)\.js")
SHARED_MODULE_FILE = re.compile(rf"{SHARED}/([0-9A-Z]+)\.\1\.js$")


class HashedStorage(CompressedManifestStaticFilesStorage):
    """`collectstatic` bundles what pages load, and puts a hash of the content into the name of each file.

    Without esbuild, as on a platform for which npm has none, modules and style sheets stay as they are.
    """

    max_post_process_passes = 20  # modules import each other in longer chains than Django expects

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.esbuild = find_esbuild(settings.BROWSER_PACKAGES_DIR)
        self.is_bundled = self.esbuild is not None or settings.BUNDLES_DIR.is_dir()
        # Without bundles the hashes have to get into imports. With them that would move the code off its source map.
        self.support_js_module_import_aggregation = not self.is_bundled
        super().__init__(*args, **kwargs)

    def post_process(
        self, paths: Sources, dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str, bool | Exception]]:
        if dry_run:
            return
        if not self.is_bundled:
            logger.warning("esbuild is not installed: pages load their modules and style sheets one by one")
        with TemporaryDirectory() as folder:
            yield from super().post_process(self._with_bundles(paths, Path(folder)), **options)

    def _with_bundles(self, paths: Sources, folder: Path) -> Sources:
        """The files to process, with bundles in place of the files they are made of."""
        sources = {name: place for name, place in paths.items() if _is_source(name)}
        if self.esbuild is not None:
            for name, (storage, path) in sources.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                with storage.open(path) as file:
                    (folder / name).write_bytes(file.read())
            make_bundles(self.esbuild, folder)
        elif self.is_bundled:  # the wheel has them
            folder = settings.BUNDLES_DIR
        else:
            return paths
        made = FileSystemStorage(location=folder)
        bundles = {SHARED_MODULE_FILE.sub(rf"{SHARED}/\1.js", file): (made, file) for file in bundle_files(folder)}
        for name in set(bundles) - set(paths):
            self.delete(name)
            with made.open(bundles[name][1]) as file:
                self._save(name, file)
        return {name: place for name, place in paths.items() if name not in sources} | bundles

    def file_hash(self, name: str | None, content: File | None = None) -> str | None:
        if match := SHARED_MODULE.fullmatch(name or ""):
            return match[1]  # the bundles that import it have its name already
        return super().file_hash(name, content)

    def url_converter(self, *args: object, **kwargs: object) -> Callable[[re.Match], str]:
        """Keep text that only looks like an import, such as examples in comments of libraries."""
        convert = super().url_converter(*args, **kwargs)

        def convert_if_found(match: re.Match) -> str:
            try:
                return convert(match)
            except ValueError:
                return match[0]

        return convert_if_found


def _is_source(name: str) -> bool:
    """Whether bundles are made of this file."""
    folders = [folder.parent.name for folder in settings.WEB_STATIC_DIRS]
    folders += [f"vendor/{package}" for package in settings.BROWSER_PACKAGES]
    return name.endswith((".css", ".js", ".mjs")) and name.startswith(tuple(f"{folder}/" for folder in folders))


class PageCompression(GZipMiddleware):
    """Compress pages only: an event stream would wait for the compressor's buffer.

    Pages contain secrets (BREACH attack): the CSRF token is masked anew in every page, and Django's middleware makes
    the compressed length vary by up to 100 bytes.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = not response.streaming and response.get("Content-Type", "").startswith("text/html")
        return super().process_response(request, response) if is_page else response
