"""Send a request, and send it again as its server demands: without a parameter that was refused, for example (B67)."""

from collections.abc import Awaitable, Callable

from runs.errors import RunError
from runs.net.http1 import Client
from runs.net.loop_budget import loop_budget
from runs.upstream import chat_completions
from runs.upstream.profiles.lessons import may_teach
from runs.upstream.reading.answer import Sink
from runs.upstream.request import UpstreamRequest


async def stream(
    client: Client,
    request: UpstreamRequest,
    read_timeout: float,
    sink: Sink,
    on_adapted: Callable[[RunError], Awaitable[None]] | None = None,
) -> None:
    """`chat_completions.stream`; a refused request is changed and sent again, never after an answer has begun.

    `on_adapted` is awaited before each further request. Raises the Upstream… errors of runs/errors.py.
    """
    while True:
        try:
            return await chat_completions.stream(client, request, read_timeout, sink)
        except RunError as error:
            # In a thread: the body may take megabytes.
            if not may_teach(error) or not await loop_budget().run_in_thread(request.adapt, error):
                raise
            refusal = error
        if on_adapted is not None:
            await on_adapted(refusal)
