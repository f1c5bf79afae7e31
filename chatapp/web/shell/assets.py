"""Static files with hashed names, and compression of pages."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from servestatic.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """`collectstatic` puts a hash of the content into each file name, and into the imports of modules."""

    support_js_module_import_aggregation = True

    def url_converter(self, *args: object, **kwargs: object) -> Callable[[re.Match], str]:
        """Keep what only looks like an import, such as examples in the comments of libraries."""
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
