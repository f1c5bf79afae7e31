"""Static files with hashed names, and compression of pages."""

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from servestatic.storage import CompressedManifestStaticFilesStorage

IMPORT = re.compile(r'^@import url\("([^"]+)"\);$', re.MULTILINE)


class BundledStyles:
    """A storage that returns a style sheet with its imports inlined.

    Otherwise browsers would need another round trip before they can display the page. Imported files must not contain
    relative URLs, which would resolve to the wrong folder.
    """

    def __init__(self, name: str, paths: dict[str, tuple[Storage, str]]) -> None:
        self.name = name
        self.paths = paths

    def open(self, path: str) -> File:
        return ContentFile(self._bundle(self.name).encode())

    def _bundle(self, name: str) -> str:
        storage, path = self.paths[name]
        with storage.open(path) as file:
            text = file.read().decode()
        folder = posixpath.dirname(name)
        return IMPORT.sub(lambda match: self._bundle(posixpath.normpath(posixpath.join(folder, match[1]))), text)


class HashedStorage(CompressedManifestStaticFilesStorage):
    """`collectstatic` puts a hash of the content into each file name, and into the imports of modules."""

    support_js_module_import_aggregation = True

    def post_process(
        self, paths: dict[str, tuple[Storage, str]], **options: Any
    ) -> Iterator[tuple[str, str, bool | Exception]]:
        rooms = {folder.parent.name for folder in settings.WEB_STATIC_DIRS}
        own = {name for name in paths if name.endswith(".css") and name.split("/")[0] in rooms}
        bundled = {name: (BundledStyles(name, paths), paths[name][1]) for name in own}
        yield from super().post_process({**paths, **bundled}, **options)

    def url_converter(self, *args: object, **kwargs: object) -> Callable[[re.Match], str]:
        """Keep text that only looks like an import, such as examples in comments of libraries."""
        convert = super().url_converter(*args, **kwargs)

        def convert_if_found(match: re.Match) -> str:
            try:
                return convert(match)
            except ValueError:
                return match[0]

        return convert_if_found


class PageCompression(GZipMiddleware):
    """Compress pages only: an event stream would wait for the compressor's buffer.

    Pages contain secrets (BREACH attack): the CSRF token is masked anew in every page, and Django's middleware makes
    the compressed length vary by up to 100 bytes.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = not response.streaming and response.get("Content-Type", "").startswith("text/html")
        return super().process_response(request, response) if is_page else response
