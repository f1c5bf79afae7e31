"""Log files for the output of the parts: `DATA_DIR/log/<part>.log`."""

import logging
import threading
from collections import defaultdict, deque
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 10_000_000  # per file; with its predecessor, a part's log takes 20 MB at most
TAIL_LINES = 15  # shown on the console when a part ends by itself


class Logs:
    """One log file per part. Each start of the site rotates them: the previous one is `<part>.log.1`."""

    def __init__(self, directory: Path):
        directory.mkdir(parents=True, exist_ok=True)
        for path in directory.glob("*.log"):
            path.replace(f"{path}.1")
        self.directory = directory
        self._writing = threading.Lock()
        self._tails = defaultdict(lambda: deque(maxlen=TAIL_LINES))
        self._handlers = {}

    def write(self, name: str, output: bytes) -> None:
        """Append output of the part `name`. Thread-safe; a full disk does not stop a part."""
        with self._writing:
            for line in output.decode("utf-8", "replace").splitlines():
                self._tails[name].append(line)
                with suppress(OSError):
                    self._handler(name).emit(logging.makeLogRecord({"msg": line}))

    def path(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def tail(self, name: str) -> list[str]:
        with self._writing:
            return list(self._tails[name])

    def close(self) -> None:
        for handler in self._handlers.values():
            handler.close()

    def _handler(self, name: str) -> RotatingFileHandler:
        if name not in self._handlers:
            self._handlers[name] = RotatingFileHandler(
                self.path(name), maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8"
            )
        return self._handlers[name]
