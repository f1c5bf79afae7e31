"""Writes what an upstream sends as the events of one run's stream."""

from collections.abc import Callable
from uuid import UUID

import orjson
from django.conf import settings

from runs.errors import AnswerFiltered, EmptyAnswer, LengthUsedUp, RunError, UpstreamLoading, UpstreamTooLarge
from runs.upstream.reading.chunks import split
from runs.upstream.reading.deltas import FINISH, IMAGE, Delta
from runs.upstream.reading.finish_reasons import Ending, ending_of
from runs.upstream.reading.images import MAX_CHARACTERS, MAX_IMAGES
from runs.upstream.request import MayBeEmpty
from streams.delivery.writer import BatchWriter
from streams.events import Kind

MAX_RETRIES = 3  # of a request
DELTA_BYTES = 128 * 1024  # of an event's data: larger ones are split; JSON takes up to six bytes for a character
BATCH_EVENTS = 1_000  # of one run in one commit: with more, those of all other runs would wait
MAX_EVENTS = 500_000  # of one run; they are folded when it ends
MAX_PAUSE_SECONDS = 60.0  # s before a retry; a run whose upstream asks for a longer pause fails
LOADING_PAUSE_SECONDS = 5.0  # s at most between two requests for a model that is being loaded


class Recorder:
    """Writes one run's deltas through the process's batch writer. Lives in the engine's loop."""

    __slots__ = (
        "_batch",
        "_cursor",
        "_has_content",
        "_has_words",
        "_loading_pauses",
        "_loading_seconds",
        "_max_seq",
        "_retries",
        "_share_start",
        "_writer",
        "finish_reason",
        "images",
        "prompt_tokens",
    )

    def __init__(self, writer: BatchWriter, stream: UUID, after: int, on_fenced: Callable[[], None]) -> None:
        self._writer = writer
        self._cursor = writer.open(stream, after, on_fenced)
        self._has_content = False
        self._has_words = False  # or anything else that is recorded
        self._retries = 0
        self._loading_pauses, self._loading_seconds = 0, 0.0  # how often, and how long, a loading model was waited for
        self._share_start = after  # the seq after which events count for the present batch
        self._batch = writer.batches  # how many had been written then
        self._max_seq = after + MAX_EVENTS
        self.finish_reason = ""
        self.images: dict[str, None] = {}  # in their order; some servers send them again at the end
        self.prompt_tokens: int | None = None  # as the upstream has counted

    def record(self, deltas: list[Delta]) -> None:
        """Hand deltas to the writer. Raises UpstreamTooLarge."""
        before = self._cursor.seq
        for kind, data in deltas:
            if kind == FINISH:
                self.finish_reason = data["finish_reason"] or self.finish_reason
                continue
            if kind == IMAGE:
                self._add_image(data["image"])
                continue
            if kind == Kind.USAGE:
                self.prompt_tokens = data.get("prompt_tokens")
            elif kind != Kind.SOURCES:
                self._has_content = self._has_words = True
            encoded = orjson.dumps(data)
            for piece in [encoded] if len(encoded) <= DELTA_BYTES else map(orjson.dumps, split(data)):
                self._writer.write(self._cursor, kind, piece)
        if self._batch != self._writer.batches:
            self._batch, self._share_start = self._writer.batches, before
        if self._cursor.seq > self._max_seq:
            raise UpstreamTooLarge(f"more than {MAX_EVENTS} events")

    def _add_image(self, image: str) -> None:
        """Keep an image until the answer has ended; what is too much is passed over."""
        self._has_content = True
        characters = sum(map(len, self.images)) + len(image)
        if len(self.images) < MAX_IMAGES and characters <= MAX_CHARACTERS:
            self.images[image] = None

    @property
    def has_only_images(self) -> bool:
        return self._has_content and not self._has_words

    def is_full(self) -> bool:
        """Whether the database is behind, or this run has used its share of a batch: the upstream has to wait (B68)."""
        return self._writer.is_full or self._cursor.seq - self._share_start >= BATCH_EVENTS

    async def drain(self) -> None:
        await self._writer.wait_for_room()
        if self._cursor.seq - self._share_start >= BATCH_EVENTS:
            await self._writer.flush()
            self._share_start = self._cursor.seq

    @property
    def has_retried(self) -> bool:
        """Whether the request was sent again as it is, or a loading model was waited for."""
        return bool(self._retries or self._loading_pauses)

    def pause_before_retry(self, error: RunError) -> float | None:
        """The pause in seconds before the request is retried; None to give up (B15).

        Only transient errors are retried, only before the first token, and only after a pause that readers accept.
        """
        if not error.is_transient or self._has_content:
            return None
        if isinstance(error, UpstreamLoading):
            return self._pause_while_loading()
        if self._retries >= MAX_RETRIES:
            return None
        pause = settings.UPSTREAM_RETRY_SECONDS * 2**self._retries
        pause = max(pause, error.retry_after or 0)
        return pause if pause <= MAX_PAUSE_SECONDS else None

    def _pause_while_loading(self) -> float | None:
        if self._loading_seconds >= settings.UPSTREAM_LOADING_SECONDS:
            return None
        return min(settings.UPSTREAM_RETRY_SECONDS * 2 ** min(self._loading_pauses, 10), LOADING_PAUSE_SECONDS)

    async def record_retry(self, error: RunError, pause: float) -> None:
        """Tell readers about a retry, and wait until the log holds it: a fenced run must not send its request again."""
        if isinstance(error, UpstreamLoading):
            self._loading_pauses, self._loading_seconds = self._loading_pauses + 1, self._loading_seconds + pause
        else:
            self._retries += 1
        await self._record_retrying(error, pause)

    async def record_adapted(self, error: RunError) -> None:
        """`record_retry` for a request that is changed and sent again at once; it does not count as a retry."""
        await self._record_retrying(error, 0.0)

    async def _record_retrying(self, error: RunError, pause: float) -> None:
        self._writer.write(self._cursor, Kind.RETRYING, orjson.dumps({"code": error.code, "seconds": pause}))
        await self._writer.flush()

    def raise_if_empty(self, may_be: MayBeEmpty = MayBeEmpty.NEVER) -> None:
        """Raise EmptyAnswer, or why it is empty, if nothing was recorded but usage."""
        if self._has_content or may_be == MayBeEmpty.ALWAYS:
            return
        if may_be == MayBeEmpty.IF_FINISHED and self.finish_reason:
            return
        match ending_of(self.finish_reason):
            case Ending.LENGTH:
                raise LengthUsedUp
            case Ending.FILTER:
                raise AnswerFiltered
        raise EmptyAnswer

    async def close(self) -> None:
        """Wait until all deltas are in the log."""
        try:
            await self._writer.flush()
        finally:
            self._writer.close(self._cursor)
