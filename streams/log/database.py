"""Opens the batch log that fits Django's default database."""

from django.db import connections

from streams.log.batch import BatchLog
from streams.log.postgres import PostgresBatchLog, connection_parameters
from streams.log.sqlite import SqliteBatchLog


def open_batch_log() -> BatchLog:
    """Open a batch log. In a running event loop only."""
    settings = connections["default"].settings_dict
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        return SqliteBatchLog(str(settings["NAME"]))
    return PostgresBatchLog(connection_parameters(settings))
