"""Buries what the tests leave behind, even when pytest itself is killed with -9.

A process of its own that is told of process groups and directories through its standard input and ends them
when that pipe closes, for whatever reason: lines are `+<pgid>`, `-<pgid>` and `/<directory>`.
"""

import os
import shutil
import signal
import sys


def main() -> None:
    for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(caught, signal.SIG_IGN)  # a Ctrl-C in the terminal goes to the whole foreground group
    groups: list[int] = []
    directories: list[str] = []
    for line in sys.stdin:
        match line[0], line.strip():
            case "+", word:
                groups.append(int(word[1:]))
            case "-", word:
                groups.remove(int(word[1:]))
            case "/", word:
                directories.append(word)
    for group in reversed(groups):
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
