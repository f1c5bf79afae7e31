"""The format of log lines: with their context, and without secrets in URLs.

All loggers of a process share one handler, including those of Django, Celery, daphne and uvicorn.
"""

import structlog
from structlog.typing import EventDict, WrappedLogger

from chatapp.observability.redaction import redact


def without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact paths: Django logs those of 404s, structlog and uvicorn those of requests."""
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


CONTEXT = [  # context of every line: request_id, user_id, task_id and run_id, if any
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    without_secrets,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configuration(level: str, form: str) -> dict[str, object]:
    """The value of Django's LOGGING; sets up structlog as well. `form` is text or json."""
    structlog.configure(
        processors=[*CONTEXT, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    seldom = {"level": "WARNING" if level == "INFO" else level}
    ours = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": CONTEXT,
                "processor": structlog.dev.ConsoleRenderer(
                    colors=False,
                    pad_event_to=0,
                    sort_keys=False,
                    exception_formatter=structlog.dev.plain_traceback,  # others print variables: keys, prompts
                ),
            },
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": CONTEXT,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    structlog.processors.JSONRenderer(default=str),
                ],
            },
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # A line for each task and request is useful at DEBUG only.
            "django_structlog.celery.receivers": seldom,
            "django_structlog.middlewares.request": seldom,
            # Their own handlers would log complete URLs.
            "django": ours,
            "django.server": ours,
            "uvicorn": ours,
            "uvicorn.access": ours,
            "uvicorn.error": ours,
        },
    }


def redact_access_log() -> None:
    """Redact daphne's access log, which bypasses all loggers. No effect under another server."""
    try:
        from daphne.access import AccessLogGenerator
    except ImportError:
        return
    write_unredacted = AccessLogGenerator.write_entry

    def write_entry(self, host, date, request, **more) -> None:
        write_unredacted(self, host, date, redact(request), **more)

    AccessLogGenerator.write_entry = write_entry
