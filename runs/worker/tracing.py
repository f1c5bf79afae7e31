"""The span of a run's request to its upstream. A no-op on sites that export no traces (`chatapp/observability`)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from urllib.parse import urlsplit
from uuid import UUID

from runs.errors import RunError
from runs.upstream.request import UpstreamRequest

try:
    from opentelemetry import trace
except ImportError:
    trace = None


def upstream_span(run_id: UUID, request: UpstreamRequest) -> AbstractContextManager[None]:
    """A span from the request to the end of its answer, inside the task's span. Of an error it holds only the code."""
    return nullcontext() if trace is None else _upstream_span(run_id, request)


@contextmanager
def _upstream_span(run_id: UUID, request: UpstreamRequest) -> Iterator[None]:
    attributes = {
        "chatapp.run_id": str(run_id),
        "gen_ai.request.model": request.model,
        "server.address": urlsplit(request.url).hostname or "",
    }
    trace.get_current_span().set_attribute("chatapp.run_id", str(run_id))
    tracer = trace.get_tracer("chatapp.runs")
    with tracer.start_as_current_span(
        "upstream",
        kind=trace.SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,  # an exception may hold keys and prompts
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except RunError as error:
            span.set_attribute("error.type", error.code)
            span.set_status(trace.StatusCode.ERROR)
            raise
