"""Spans of a run, for sites that export traces (`chatapp/observability/tracing.py`); without an exporter a no-op."""

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


def upstream(run_id: UUID, request: UpstreamRequest) -> AbstractContextManager[None]:
    """The time in which a request is answered, below the task's span. Of what goes wrong, only the code is told."""
    return nullcontext() if trace is None else _upstream(run_id, request)


@contextmanager
def _upstream(run_id: UUID, request: UpstreamRequest) -> Iterator[None]:
    said = {
        "chatapp.run_id": str(run_id),
        "gen_ai.request.model": request.model,
        "server.address": urlsplit(request.url).hostname or "",
    }
    trace.get_current_span().set_attribute("chatapp.run_id", str(run_id))
    quiet = {"record_exception": False, "set_status_on_exception": False}  # an exception may hold keys and prompts
    tracer = trace.get_tracer("chatapp.runs")
    with tracer.start_as_current_span("upstream", kind=trace.SpanKind.CLIENT, attributes=said, **quiet) as span:
        try:
            yield
        except RunError as error:
            span.set_attribute("error.type", error.code)
            span.set_status(trace.StatusCode.ERROR)
            raise
