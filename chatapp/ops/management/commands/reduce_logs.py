"""`manage.py reduce_logs`: do at once what the task of this name does bit by bit."""

from django.core.management.base import BaseCommand

from runs.maintenance.retention import TimeBudget, compact_due, prune_due

TURN_SECONDS = 3600.0  # s: nobody waits for a slot here


class Command(BaseCommand):
    help = "Compact the streams of runs that ended COMPACT_SECONDS ago, and prune those of RETENTION_DAYS ago."

    def handle(self, **options):
        compacted = pruned = 0
        while more := compact_due(TimeBudget(TURN_SECONDS)):
            compacted += more
        while more := prune_due(TimeBudget(TURN_SECONDS)):
            pruned += more
        self.stdout.write(f"compacted {compacted} streams, looked at {pruned} to prune")
