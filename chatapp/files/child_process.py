"""Run a script on hostile content in a process of its own: isolated, without secrets, with little memory and time.

The script limits itself first (`documents/process.py` does); what it writes is bounded by its limit on file sizes.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

ERROR_BYTES = 500  # of what the script wrote about its end, for the log


class Ended(NamedTuple):
    returncode: int  # negative: the number of the signal that ended it
    error: str


class TooSlow(Exception):
    """The script did not end in time, and was killed."""


@contextmanager
def output_of(
    script: Path, arguments: Sequence[str], content: IO[bytes], seconds: float
) -> Iterator[tuple[Ended, IO[bytes]]]:
    """How the script ended with `content` as its standard input, and its output at its beginning. It blocks.

    `content` must be a file with a descriptor. Raises TooSlow.
    """
    content.seek(0)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        command = [sys.executable, "-I", str(script), *arguments]
        try:
            done = subprocess.run(
                command, stdin=content, stdout=output, stderr=errors, timeout=seconds, env={}, check=False
            )
        except subprocess.TimeoutExpired:
            raise TooSlow from None
        size = errors.seek(0, 2)
        errors.seek(max(size - ERROR_BYTES, 0))
        error = errors.read().decode(errors="replace")
        output.seek(0)
        yield Ended(done.returncode, error), output
