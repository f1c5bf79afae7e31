"""OpenTelemetry traces, if an endpoint is set: one trace joins a request, its task and the upstream request.

OpenTelemetry is optional (deploy/requirements/otel.txt), so it is imported only if enabled. Its variables are its own:
OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS and so on.
"""

import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from chatapp.observability.redaction import HIDDEN, redact

# Probes, and URLs that are secrets: a trace contains the URL of its request.
UNTRACED_URLS = "healthz,readyz,metrics,login,invitation,shared"
MISSING = "OTEL_EXPORTER_OTLP_ENDPOINT is set. Install what it needs: pip install -r deploy/requirements/otel.txt"


def begin(service: str) -> None:
    """Start tracing this process, a web server or a worker, if it is enabled."""
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return
    try:
        _begin(service)
    except ImportError as error:
        raise ImproperlyConfigured(MISSING) from error


def _begin(service: str) -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    beats = {f"run/{entry['task']}" for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    class Processor(BatchSpanProcessor):
        def on_end(self, span) -> None:
            if span.name not in beats:  # several a minute, of no interest
                super().on_end(without_secrets(span))

    os.environ.setdefault("OTEL_SERVICE_NAME", service)
    provider = TracerProvider()
    provider.add_span_processor(Processor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(excluded_urls=os.environ.get("OTEL_PYTHON_DJANGO_EXCLUDED_URLS", UNTRACED_URLS))
    CeleryInstrumentor().instrument()


def without_secrets(span):
    """A copy of an ended span with redacted attributes."""
    from opentelemetry.sdk.trace import ReadableSpan

    return ReadableSpan(
        name=redact(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: _redacted(name, value) for name, value in (span.attributes or {}).items()},
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _redacted(name: str, value: object) -> object:
    if name == "url.query":  # a query without its `?`
        return HIDDEN
    return redact(value) if isinstance(value, str) else value
