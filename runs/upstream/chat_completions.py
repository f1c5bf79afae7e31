"""The OpenAI-compatible protocol: chat completions as a stream of server-sent events."""

import asyncio

from runs.errors import UpstreamInterrupted
from runs.net.connection import BodyConsumer, Connection
from runs.net.errors import ProtocolError, ServerDisconnected
from runs.net.http1 import Client
from runs.net.inflate import Inflater
from runs.net.proxies import proxy_for
from runs.upstream.exchange import encoding_of, raise_for_response, request_headers, upstream_errors
from runs.upstream.reading.answer import AnswerReader, Sink
from runs.upstream.request import UpstreamRequest

MAX_RESPONSE_BYTES = 64 * 1024 * 1024  # of one response, framing included; 1 million tokens
FINISH_SECONDS = 2.0  # s for what may follow a finish reason: the answer is complete by then


async def stream(client: Client, request: UpstreamRequest, read_timeout: float, sink: Sink) -> None:
    """Send a request and record its answer in `sink`, up to the upstream's end marker.

    Being cancelled closes the connection. Raises ProviderMisconfigured and the Upstream… errors of runs/errors.py.
    """
    headers = request_headers(request.key, "text/event-stream")
    answer = _Answer(sink, request)
    url = request.url
    with upstream_errors():
        try:
            proxy = proxy_for(url)
            async with client.post(url, request.body, headers, read_timeout, MAX_RESPONSE_BYTES, proxy) as response:
                await raise_for_response(response)
                await answer.read(response)
        except ServerDisconnected:
            raise
        except ProtocolError as error:
            answer.raise_if_interrupted(error)


class _Answer:
    """Reads one response. Its request is not kept once the answer has begun: it is never sent again."""

    def __init__(self, sink: Sink, request: UpstreamRequest) -> None:
        self._sink = sink
        self._reader = AnswerReader(sink, request.drop_body, self._on_finish)
        self._timer: asyncio.TimerHandle | None = None
        self._response: Connection | None = None

    async def read(self, response: Connection) -> None:
        """Raises UpstreamError and TransportError. What was held back is recorded in any case."""
        self._response = response
        consume: BodyConsumer = self._reader.feed
        if (encoding := encoding_of(response)) != "identity":
            consume = Inflater(encoding, consume, MAX_RESPONSE_BYTES, self._sink.is_full, self._sink.drain).feed
        try:
            try:
                await response.read_body(consume, self._sink.is_full, self._sink.drain)
            except ProtocolError:
                await self._reader.finish(is_cut=True)
                raise
            await self._reader.finish()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._reader.close()
        self.raise_if_interrupted(None)

    def raise_if_interrupted(self, error: Exception | None) -> None:
        """Raise UpstreamInterrupted unless the answer had come to its end.

        It is transient between the head of the response and the first token: a head that was cut tells nothing (B65).
        """
        if self._reader.is_finished:
            return
        interruption = UpstreamInterrupted(str(error or "the connection closed before the end marker"))
        interruption.is_transient = bool(error and self._response) and not self._reader.has_begun
        raise interruption from error

    def _on_finish(self) -> None:
        """After a finish reason only counts and the end marker may follow; some servers never send the latter."""
        if self._timer is not None:
            self._timer.cancel()
        if self._response is not None:
            self._timer = asyncio.get_running_loop().call_later(FINISH_SECONDS, self._response.end_body)
