"""Files of the site that only its own user may read: chats, logs, keys.

The process's umask makes new files private, whatever the shell's is. Existing files, written by an earlier version or
unpacked from a backup, are made private when a process starts.
"""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

# In DATA_DIR. Excludes static files, which are public, and foreign files: DATA_DIR may be a directory with other
# content. `log` and `valkey` are directories, with everything below them.
SITE_FILES = (
    "secret_key", "redis_url", "running.json", "celerybeat-schedule*", "*.sqlite3", "log", "log/*",
    "valkey", "valkey/*", "valkey/*/*", "files", "files/*",
)  # fmt: skip
SQLITE_SUFFIXES = ("", "-wal", "-shm", "-journal")  # endings of the files of one database
OPEN = stat.S_IRWXG | stat.S_IRWXO


def make_new_files_private() -> None:
    """Set the umask: files that this process creates from now on have mode 0600, directories 0700."""
    os.umask(0o077)


def write_private(path: Path, text: str) -> None:
    """Rewrite `path` with mode 0600. Other users cannot read it at any moment."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text)


def make_private(data_dir: Path, database: Path | None) -> list[Path]:
    """Remove permissions of group and others from our files. `database`: SQLite's file. Returns the paths changed."""
    return [path for path in _private(data_dir, database) if _close(path)]


def make_private_and_report(data_dir: Path, database: Path | None) -> None:
    if closed := make_private(data_dir, database):
        names = ", ".join(str(path) for path in closed)
        logger.warning("Other users could read these files; now only you can: %s", names)


def _private(data_dir: Path, database: Path | None) -> Iterator[Path]:
    yield data_dir
    for pattern in SITE_FILES:
        yield from sorted(data_dir.glob(pattern))
    files = set(data_dir.glob("*.sqlite3")) | ({database} if database else set())
    for file in sorted(files):
        yield from (file.with_name(file.name + ending) for ending in SQLITE_SUFFIXES)


def _close(path: Path) -> bool:
    """Whether the path was open to others. Skips other users' files, links and shared directories such as /tmp."""
    with suppress(OSError):  # just deleted, or on a file system without modes
        mode = path.lstat()
        is_ours = mode.st_uid == os.geteuid() and not stat.S_ISLNK(mode.st_mode) and not mode.st_mode & stat.S_ISVTX
        if is_ours and mode.st_mode & OPEN:
            path.chmod(stat.S_IMODE(mode.st_mode) & ~OPEN)
            return not path.stat().st_mode & OPEN
    return False
