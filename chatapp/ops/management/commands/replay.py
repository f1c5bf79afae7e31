"""`manage.py replay RUN`: print a stream as its viewer saw it, at its original speed or at once."""

import time

import orjson
from django.core.management.base import BaseCommand, CommandError

from chatapp.ops.management.commands.follow import existing
from chatapp.ops.run_printer import CONTROL_CHARACTERS
from runs.models import Run
from streams.events import Kind
from streams.models import LoggedEvent

TEXT_FIELDS = {Kind.TEXT: "text", Kind.REASONING: "text", Kind.SNAPSHOT: "text"}


class Command(BaseCommand):
    help = "Print a run's stream as it was seen, with its pauses. Compacted text is printed in one piece."

    def add_arguments(self, parser):
        parser.add_argument("run", help="the run's id")
        parser.add_argument("--at-once", action="store_true", help="print it without pauses")
        parser.add_argument("--speed", type=float, default=1.0, help="2 = twice as fast")
        parser.add_argument("--events", action="store_true", help="print one event per line: seconds, seq, kind, data")

    def handle(self, *, run, at_once, speed, events, **options):
        if speed <= 0:
            raise CommandError("--speed must be greater than 0.")
        self._show = self._show_event if events else self._show_text
        self._is_terminal = self.stdout.isatty()
        began, clock = None, time.monotonic()
        for event in _logged(existing(run)):
            began = began or event.at
            offset = (event.at - began).total_seconds()
            if not at_once:
                self.stdout.flush()
                time.sleep(max(offset / speed - (time.monotonic() - clock), 0.0))
            self._show(event, offset)
        if began is None:
            raise CommandError("This run has no events in the log.")
        if not events:
            self.stdout.write("")

    def _show_event(self, event: LoggedEvent, offset: float) -> None:
        self.stdout.write(f"{offset:9.3f} {event.seq:6} {event.kind:16} {self._safe(event.data)}")

    def _show_text(self, event: LoggedEvent, offset: float) -> None:
        if key := TEXT_FIELDS.get(event.kind):
            self.stdout.write(self._safe(orjson.loads(event.data).get(key) or ""), ending="")
        else:
            self.stderr.write(f"[{offset:.3f} s {event.kind} {self._safe(event.data)}]")

    def _safe(self, text: str) -> str:
        """Escape control characters: a terminal obeys them, and a model's text is not trusted (B58)."""
        return CONTROL_CHARACTERS.sub("", text) if self._is_terminal else text


def _logged(run: Run):
    return LoggedEvent.objects.filter(stream=run.pk).order_by("seq").iterator(chunk_size=1000)
