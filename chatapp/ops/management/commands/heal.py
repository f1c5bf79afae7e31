"""`manage.py heal`: is every message what its stream says, has every run ended once, is nothing stuck?"""

from datetime import timedelta

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from runs.maintenance.integrity import heal
from runs.models import Report


class Command(BaseCommand):
    help = "Check messages against their streams, final events, and what is stuck. Changes nothing without --repair."

    def add_arguments(self, parser):
        parser.add_argument("--repair", action="store_true", help="rebuild from the log what is not as it should be")
        parser.add_argument("--days", type=float, help="look at runs of the last DAYS only; without it, at all")

    def handle(self, *, repair, days, **options):
        since = None if days is None else timezone.now() - timedelta(days=days)
        for finding in heal(repair, since):
            self.stdout.write(f"run {finding.run}: {finding.problem}{' (repaired)' if finding.is_repaired else ''}")
        said = Report.objects.get(pk="heal").data
        self.stdout.write("looked at {looked_at} runs, found {found}, repaired {repaired}".format(**said))
        if said["open"]:
            if not repair:
                self.stderr.write(f"{settings.COMMAND} heal --repair rebuilds it from the log.")
            raise SystemExit(1)
