"""`manage.py follow RUN`: print a run's text from the beginning, then live."""

from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from chatapp.ops.run_printer import show
from runs.models import Run


class Command(BaseCommand):
    help = "Print the text of a run from the beginning, then live. Ctrl-C exits; the run continues."

    def add_arguments(self, parser):
        parser.add_argument("run", help="the run's id")
        parser.add_argument("--after", type=int, default=0, help="start after this event (seq)")

    def handle(self, *, run, after, **options):
        if not show(existing(run), after, self.stdout, self.stderr):
            raise SystemExit(1)


def existing(run_id: str) -> Run:
    try:
        return Run.objects.get(pk=UUID(run_id))
    except (ValueError, Run.DoesNotExist):
        raise CommandError(f"There is no run {run_id!r}.") from None
