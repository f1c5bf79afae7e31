"""The command `chatapp`, `python -m chatapp` and `manage.py`: Django's command line for this site."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError

    try:
        execute_from_command_line(with_django_s_names(sys.argv))
    except DatabaseError:
        from chatapp.ops.site_address import describe_missing_site

        if reason := describe_missing_site():
            sys.exit(reason)
        raise


def with_django_s_names(argv: list[str]) -> list[str]:
    """Map `add-provider` to Django's command `add_provider`."""
    at = 2 if argv[1:2] == ["help"] else 1
    if len(argv) > at and not argv[at].startswith("-"):
        return [*argv[:at], argv[at].replace("-", "_"), *argv[at + 1 :]]
    return argv
