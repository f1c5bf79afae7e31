"""`manage.py stop_runs`: stop some or all runs, as their users could."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from chatapp.ops.management.commands.ask import named
from runs.lifecycle.stop import request_stop
from runs.models import Run


class Command(BaseCommand):
    help = "Stop runs; their text is kept. Prints the outcomes."

    def add_arguments(self, parser):
        parser.add_argument("run", nargs="*", help="ids of runs")
        parser.add_argument("--all", action="store_true", help="stop all queued and running runs")
        parser.add_argument("--user", help="stop only runs of this user")
        parser.add_argument(
            "--older-than", type=float, metavar="SECONDS", help="stop only runs queued more than SECONDS ago"
        )
        parser.add_argument("--by", help="username to record as the one who stopped them")

    def handle(self, *, run, by, **options):
        if bool(run) == (options["all"] or bool(options["user"])):
            raise CommandError("Name runs, or choose them with --all or --user NAME.")
        who = named(by) if by else None
        runs = _named_runs(run) if run else _selected_runs(options["user"], options["older_than"])
        outcomes = Counter(request_stop(one, by=who) for one in runs)
        counts = [f"{count} {outcome}" for outcome, count in sorted(outcomes.items())]
        self.stdout.write(", ".join(counts) or "nothing to stop")


def _named_runs(ids: list[str]) -> list[Run]:
    try:
        runs = list(Run.objects.filter(pk__in=[UUID(run_id) for run_id in ids]))
    except ValueError as error:
        raise CommandError(f"Invalid run id: {error}") from None
    if len(runs) < len(set(ids)):
        raise CommandError("Some of these runs do not exist. No run was stopped.")
    return runs


def _selected_runs(user: str | None, older_than: float | None) -> list[Run]:
    runs = Run.objects.active().order_by("-position", "-id")  # newest first, so that no queued run starts
    if user:
        runs = runs.filter(session__owner=named(user))
    if older_than is not None:
        runs = runs.filter(queued_at__lt=timezone.now() - timedelta(seconds=older_than))
    return list(runs)
