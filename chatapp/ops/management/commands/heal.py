"""`manage.py heal`: check that messages match their streams, that runs ended once, and that none is stuck."""

from datetime import timedelta

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from runs.maintenance.integrity import heal
from runs.models import Report


class Command(BaseCommand):
    help = "Check messages against their streams, final events, and stuck runs. Changes nothing without --repair."

    def add_arguments(self, parser):
        parser.add_argument("--repair", action="store_true", help="repair what is wrong from the log")
        parser.add_argument("--days", type=float, help="check runs of the last DAYS only (default: all)")

    def handle(self, *, repair, days, **options):
        since = None if days is None else timezone.now() - timedelta(days=days)
        for finding in heal(repair, since):
            self.stdout.write(f"run {finding.run}: {finding.problem}{' (repaired)' if finding.is_repaired else ''}")
        report = Report.objects.get(pk="heal").data
        self.stdout.write("checked {looked_at} runs, found {found} problems, repaired {repaired}".format(**report))
        if report["open"]:
            if not repair:
                self.stderr.write(f"{settings.COMMAND} heal --repair rebuilds it from the log.")
            raise SystemExit(1)
