"""How pages and their files travel: compressed, and files under names that are kept for ever."""

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from servestatic.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """`collectstatic` names each file after its contents, also where a module imports another one."""

    support_js_module_import_aggregation = True

    def url_converter(self, *args, **kwargs):
        """Leave alone what only looks like an import: libraries' files quote some in their comments."""
        convert = super().url_converter(*args, **kwargs)

        def leniently(match):
            try:
                return convert(match)
            except ValueError:
                return match[0]

        return leniently


class PageCompression(GZipMiddleware):
    """Compresses pages, and nothing else: an event stream would wait for its compressor.

    A page holds secrets (BREACH): the CSRF token is masked anew in every page, and Django's middleware makes the
    compressed length vary by up to 100 bytes.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = not response.streaming and response.get("Content-Type", "").startswith("text/html")
        return super().process_response(request, response) if is_page else response
