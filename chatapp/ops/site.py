"""The address under which people reach this site, for links that commands print."""

from django.conf import settings

from chatapp.ops import parts
from chatapp.ops.instance import site_running_in


def site_address(named: str | None = None) -> str:
    """The one named, else that of the site that runs here, else the configured one; no slash at its end."""
    configured = f"http://{parts.name_for(parts.loopback_of(settings.HOST))}:{settings.PORT}"
    return (named or site_running_in(settings.DATA_DIR) or configured).rstrip("/")
