"""The address under which people reach this site, for links that commands print."""

from django.conf import settings
from django.db import DatabaseError, connection

from chatapp.ops import site_parts
from chatapp.ops.instance_lock import site_running_in


def describe_missing_site() -> str:
    """A message that there is no site here, and how to create one; empty if the database has tables or is down."""
    try:
        is_there = bool(connection.introspection.table_names())
    except DatabaseError:
        is_there = True
    if is_there:
        return ""
    return (
        f"There is no site here: its database has no tables (DATA_DIR={settings.DATA_DIR}). Set DATA_DIR or"
        f" DATABASE_URL to those of the site, or create one: `{settings.COMMAND} up`, or `{settings.COMMAND} migrate`."
    )


def site_address(named: str | None = None) -> str:
    """`named`, else the address of the site running here, else the configured one; without a trailing slash."""
    configured = f"http://{site_parts.name_for(site_parts.loopback_of(settings.HOST))}:{settings.PORT}"
    return (named or site_running_in(settings.DATA_DIR) or configured).rstrip("/")
