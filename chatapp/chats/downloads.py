"""A file that is made piece by piece: a long one is sent meanwhile, and the whole of it is never in memory."""

from collections.abc import AsyncIterator, Iterator
from itertools import chain

from channels.db import database_sync_to_async
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

AT_ONCE = 1_000_000  # characters: a file that is not longer has a length that the browser is told


class Stream(StreamingHttpResponse):
    """Made of pieces that come from a generator, which may ask the database for each.

    Django would gather all of a synchronous generator before an asynchronous server sends the first byte. Here each
    piece is asked for when the one before has been sent, and no connection of the database is held meanwhile.
    """

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(self)
        take = database_sync_to_async(lambda: next(pieces, None))
        while (piece := await take()) is not None:
            yield piece


def download(pieces: Iterator[str], name: str, content_type: str) -> HttpResponseBase:
    """The file that the pieces make, to be kept under this name."""
    first, length = [], 0
    for piece in pieces:
        first.append(piece)
        length += len(piece)
        if length > AT_ONCE:
            response = Stream(chain(first, pieces), content_type=content_type)
            break
    else:
        response = HttpResponse("".join(first), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
