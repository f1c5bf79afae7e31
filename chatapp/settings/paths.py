"""Paths of the site's own files, and the name of its command in messages."""

import os
import sys
from pathlib import Path

from chatapp.settings.environment import env

BASE_DIR = Path(__file__).resolve().parents[2]
IS_CLONE = (BASE_DIR / "manage.py").is_file()  # otherwise installed by pip: the wheel has everything inside the package
TEMPLATES_DIR = BASE_DIR / "templates" if IS_CLONE else BASE_DIR / "chatapp" / "templates"
BROWSER_PACKAGES_DIR = BASE_DIR / ("deploy/browser/node_modules" if IS_CLONE else "chatapp/browser_packages")
PYTHON = ".venv/bin/python" if Path(sys.prefix) == BASE_DIR / ".venv" else "python"
COMMAND = f"{PYTHON} manage.py" if IS_CLONE else "chatapp"  # the command that messages mention


def _default_data_dir() -> Path:
    """`var` in a clone. An installed package must not write next to itself: there it is XDG's folder for user data."""
    if IS_CLONE:
        return BASE_DIR / "var"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share", "chatapp")


DATA_DIR = Path(env.str("DATA_DIR", default=str(_default_data_dir()))).resolve()  # database, logs, secret key
