"""Logs, metrics and traces."""

from chatapp.observability import log_format
from chatapp.settings.environment import env

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")  # DEBUG, INFO, WARNING, ERROR
LOG_FORMAT = env.str("LOG_FORMAT", default="text")  # text, or json: one object a line, for a collector
DJANGO_STRUCTLOG_CELERY_ENABLED = True  # a task's lines carry the id of the request that started it
LOGGING = log_format.configuration(LOG_LEVEL, LOG_FORMAT)

METRICS_TOKEN = env.str("METRICS_TOKEN", default="")  # bearer token for /metrics; empty: staff only
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")  # where traces go; empty: none
