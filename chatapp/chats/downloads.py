"""Downloads generated in chunks: a long file is streamed and never held in memory as a whole."""

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import chain

from channels.db import database_sync_to_async
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

BUFFERED_CHARACTERS = 1_000_000  # characters; a file up to this is sent whole, with a Content-Length


class StreamedDownload(StreamingHttpResponse):
    """A response whose chunks come from a generator that may query the database for each of them.

    Under ASGI, Django would consume a synchronous generator completely before sending the first byte. Here each chunk
    is computed when the previous one has been sent, and no database connection is held in between.
    """

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(self)
        next_piece = database_sync_to_async(lambda: next(pieces, None))
        while (piece := await next_piece()) is not None:
            yield piece


def download(pieces: Iterator[str], name: str, content_type: str) -> HttpResponseBase:
    """A response that the browser saves as `name`. `pieces` are joined, or streamed if they are long."""
    first, length = [], 0
    for piece in pieces:
        first.append(piece)
        length += len(piece)
        if length > BUFFERED_CHARACTERS:
            return streamed_download(chain(first, pieces), name, content_type)
    return _saved_as(name, HttpResponse("".join(first), content_type=content_type))


def streamed_download(pieces: Iterable[str | bytes], name: str, content_type: str) -> HttpResponseBase:
    """The same without a length: the first piece is sent before the second one is made."""
    return _saved_as(name, StreamedDownload(pieces, content_type=content_type))


def _saved_as(name: str, response: HttpResponseBase) -> HttpResponseBase:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
