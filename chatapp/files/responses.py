"""Contents as HTTP responses: never active content, in ranges, kept by the browser of the user who may see them."""

import logging
import re
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import NamedTuple

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header, parse_etags

from chatapp.files.models import StoredFile
from chatapp.files.storage import file_storage

logger = logging.getLogger(__name__)

AWAY_SECONDS = 30  # s after which a client may ask again
CHUNK_BYTES = 256 * 1024
INLINE = {"image/png", "image/jpeg", "image/webp"}  # raster images; an SVG or a page is a download
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")  # one range; several are answered with the whole
# The content of a file never changes. `private`: only the browser of the reader, no proxy.
CACHE = "private, max-age=31536000, immutable"
# For readers who open the address itself. Browsers show an image in a page of their own, with styles in it.
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class StreamedFile(StreamingHttpResponse):
    """A response whose chunks are read in a thread, each when the one before has been sent.

    Under ASGI, Django would read a synchronous iterator to its end before it sends the first byte.
    """

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = iter(self)
        next_chunk = sync_to_async(partial(next, chunks, None), thread_sensitive=False)
        while (chunk := await next_chunk()) is not None:
            yield chunk


class Content(NamedTuple):
    """One of the contents of a file."""

    place: str
    size: int  # bytes
    media_type: str
    name: str
    etag: str

    @classmethod
    def of(cls, file: StoredFile) -> "Content":
        return cls(file.place, file.size, file.media_type, file.name, f'"{file.sha256}"')

    @classmethod
    def thumbnail_of(cls, file: StoredFile) -> "Content":
        return cls(file.thumbnail_place, file.thumbnail_size, "image/webp", "thumbnail.webp", f'"t-{file.sha256}"')


def content_response(request: HttpRequest, file: Content) -> HttpResponseBase:
    """The content, or the part of it that a `Range` names. Check access before."""
    try:
        if not file_storage().exists(file.place):  # as after a restore of the database alone
            raise Http404
    except OSError as error:  # the storage is away
        logger.error("%s could not be read: %r", file.place, error)
        return HttpResponse(status=503, headers={"Retry-After": str(AWAY_SECONDS)})
    if file.etag in parse_etags(request.headers.get("If-None-Match", "")):
        return _with_headers(HttpResponse(status=304), file)
    named = request.headers.get("Range", "")
    if request.headers.get("If-Range", file.etag) != file.etag:
        named = ""
    part = _part_of(named, file.size)
    if part is None:
        response: HttpResponseBase = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{file.size}"
        return response
    response = _content(request, file, part)
    if len(part) < file.size:
        response.status_code = 206
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
    return _with_headers(response, file)


def _part_of(named: str, size: int) -> range | None:
    """The bytes that a `Range` header names; all if it cannot be understood; None if there are none there."""
    match = RANGE.fullmatch(named)
    if match is None or match[0] == "bytes=-":
        return range(size)
    first, last = match.groups()
    if not first:  # so many at the end
        return range(max(size - int(last), 0), size) if int(last) else None
    if last and int(last) < int(first):
        return range(size)
    start, stop = int(first), min(int(last) + 1, size) if last else size
    return range(start, stop) if start < size else None


def _content(request: HttpRequest, file: Content, part: range) -> HttpResponseBase:
    if request.method == "HEAD":
        response: HttpResponseBase = HttpResponse()
    else:
        response = StreamedFile(_chunks(file, part))
    response["Content-Length"] = str(len(part))
    return response


def _chunks(file: Content, part: range) -> Iterator[bytes]:
    left = len(part)
    with file_storage().open(file.place) as content:  # closed also when the client leaves
        content.seek(part.start)
        while left and (chunk := content.read(min(left, CHUNK_BYTES))):
            left -= len(chunk)
            yield chunk


def _with_headers(response: HttpResponseBase, file: Content) -> HttpResponseBase:
    is_inline = file.media_type in INLINE
    response["Content-Type"] = file.media_type if is_inline else "application/octet-stream"
    response["Content-Disposition"] = content_disposition_header(not is_inline, file.name) or ""
    response["Content-Security-Policy"] = SANDBOX
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = CACHE
    response["ETag"] = file.etag
    response["Accept-Ranges"] = "bytes"
    return response
