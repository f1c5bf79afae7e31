#!/usr/bin/env python
"""Django's command line for chatapp."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError

    try:
        execute_from_command_line(sys.argv)
    except DatabaseError:
        from chatapp.ops.site import missing_site

        if reason := missing_site():
            sys.exit(reason)
        raise


if __name__ == "__main__":
    main()
