"""Which certificates of servers are trusted."""

import ssl

from django.conf import settings


def client_context() -> ssl.SSLContext:
    """For connections to model servers. Loading all certificates takes 100 ms: keep it.

    The system's authorities, or those in the file SSL_CERT_FILE; and those in UPSTREAM_CA_FILE in addition. Raises
    OSError, of which ssl.SSLError is a kind.
    """
    context = ssl.create_default_context()
    if settings.UPSTREAM_CA_FILE:
        try:
            context.load_verify_locations(settings.UPSTREAM_CA_FILE)
        except OSError as error:
            raise OSError(f"UPSTREAM_CA_FILE cannot be read: {error}") from error
    return context
