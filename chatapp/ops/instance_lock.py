"""Allow one `manage.py up` per data directory, and publish how to reach it on this machine."""

import fcntl
import json
import os
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from chatapp.ops.private_files import write_private


class AlreadyRunning(Exception):
    def __init__(self, pid: int = 0, url: str = "address not known yet"):
        how = f"Ctrl-C there, or with: kill {pid}" if pid else "Ctrl-C there"
        super().__init__(
            f"chatapp is already running: {url} (pid {pid or 'unknown'}). Stop it with {how}\n"
            f"Another link to log in: {settings.COMMAND} login_link"
        )


@contextmanager
def hold_instance(data_dir: Path, url: str):
    """Lock `data_dir`. The kernel releases the lock when this process ends, however it ends.

    Raises AlreadyRunning.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "running.json").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(**_read(file)) from None
        _write(file, {"pid": os.getpid(), "url": url})
        try:
            yield
        finally:
            _write(file, None)


def site_running_in(data_dir: Path) -> str:
    """The address of the site that runs in `data_dir`; empty if none does."""
    path = data_dir / "running.json"
    if not path.exists():
        return ""
    with path.open() as file:
        return _read(file).get("url", "")


@contextmanager
def redis_url_published(data_dir: Path, url: str):
    """Write the broker's address to `DATA_DIR/redis_url`, where other commands find it: settings.REDIS_URL."""
    path = data_dir / "redis_url"
    write_private(path, url)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _read(file) -> dict:
    file.seek(0)
    try:
        return json.loads(file.read())
    except ValueError:  # another process is just starting or stopping
        return {}


def _write(file, content: dict | None) -> None:
    file.seek(0)
    file.truncate()
    file.write(json.dumps(content) if content else "")
    file.flush()
