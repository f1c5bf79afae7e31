"""Print a run in the terminal: its text as it is written, then how it ended."""

import asyncio
import logging
import re
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager

import orjson
from django.conf import settings
from django.core.management.base import OutputWrapper

from runs.models import Run
from runs.states import Status
from streams.delivery.follow import follow
from streams.events import Control, Kind

HINT_SECONDS = 5.0  # s of silence until the console says that a queued run is waiting for a worker
SIGNALLED = 128  # a shell's exit code for "ended by a signal" is this plus the signal's number

# A terminal obeys control characters, and a model's text is not trusted (B58).
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def show(run: Run, after: int, out: OutputWrapper, err: OutputWrapper) -> bool:
    """Print `run`'s text after seq `after`, then live. Returns whether it completed.

    Ctrl-C, SIGTERM and SIGHUP (the terminal closes) end the command with 128 + the signal's number; the run continues.
    """
    try:
        number = asyncio.run(_until_signalled(_print_stream(run, after, _Screen(out), err)))
    except KeyboardInterrupt:
        number = signal.SIGINT
    if number:
        err.write(f"\nThe run continues. Come back with: {settings.COMMAND} follow {run.pk}")
        raise SystemExit(SIGNALLED + number)
    run.refresh_from_db()
    if run.status != Status.COMPLETED:
        err.write(describe_end(run))
    return run.status == Status.COMPLETED


async def _until_signalled(printing: Coroutine) -> int:
    """Wait for the coroutine. Returns 0, or the number of the signal that cancelled it.

    A signal that is ignored stays ignored, as SIGHUP under nohup.
    """
    loop, task, arrived = asyncio.get_running_loop(), asyncio.ensure_future(printing), []

    def cancel(number: int) -> None:
        arrived.append(number)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, cancel, number)
    try:
        await task
    except asyncio.CancelledError:
        if not arrived:  # Ctrl-C, which asyncio.run itself handles
            raise
    return arrived[0] if arrived else 0


def describe_end(run: Run) -> str:
    """One line: why the ended run did not complete."""
    if run.status == Status.STOPPED:
        return f"Stopped ({run.get_reason_display().lower()})."
    reason = run.error or run.get_status_display()
    return f"{reason} ({run.code or run.reason})"


class _Screen:
    """The text on the screen. Appends deltas, and the part of a snapshot that is not on the screen yet."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out, self._text, self._is_terminal = out, "", out.isatty()

    def apply(self, envelope: dict) -> None:
        match envelope["kind"]:
            case Kind.TEXT:
                self._add(envelope["data"]["text"])
            case Kind.SNAPSHOT:
                self._add(envelope["data"]["text"].removeprefix(self._text))
            case Control.RESYNC:  # the requested position is in the future: the whole stream follows
                self.end()
                self._text = ""

    def _add(self, text: str) -> None:
        self._text += text
        self._out.write(CONTROL_CHARACTERS.sub("", text) if self._is_terminal else text, ending="")

    def flush(self) -> None:
        self._out.flush()

    def end(self) -> None:
        if self._text and not self._text.endswith("\n"):
            self._out.write("\n", ending="")


async def _print_stream(run: Run, after: int, page: _Screen, err: OutputWrapper) -> None:
    seen = False
    try:
        async for batch in follow(run.pk, after, HINT_SECONDS):
            for event in batch:
                page.apply(orjson.loads(event.envelope))
                seen = seen or event.seq > 1
            if not batch and not seen:
                seen = True
                err.write("Waiting for a worker to start this run …")
            page.flush()
    finally:
        page.end()


@contextmanager
def only_warnings() -> Iterator[None]:
    """Hide the routine log lines of runs from the terminal."""
    logger = logging.getLogger("runs")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
