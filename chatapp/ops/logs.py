"""The parts' output goes to `DATA_DIR/log/<part>.log`; the console stays quiet."""

import logging
from collections import defaultdict, deque
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 10_000_000  # a file; with the one before it, a part's log takes 20 MB at most
TAIL_LINES = 15  # shown on the console when a part ends by itself


class Logs:
    """What honcho calls a printer: it is handed every line that a part writes.

    Each start begins new files; the ones before are kept as `<part>.log.1`.
    """

    def __init__(self, directory: Path):
        directory.mkdir(parents=True, exist_ok=True)
        for path in directory.glob("*.log"):
            path.replace(f"{path}.1")
        self.directory = directory
        self.width = 0  # set and read by honcho's manager
        self._tails = defaultdict(lambda: deque(maxlen=TAIL_LINES))
        self._handlers = {}

    def write(self, message) -> None:
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        for line in text.splitlines():
            self._tails[message.name].append(line)
            self._handler(message.name).emit(logging.makeLogRecord({"msg": line}))

    def path(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def tail(self, name: str) -> list[str]:
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
