"""`manage.py reduce_logs`: compact and prune everything due. On a running site, a task does it in small steps."""

from django.core.management.base import BaseCommand

from runs.maintenance.retention import TimeBudget, compact_due, prune_due

TURN_SECONDS = 3600.0  # s: no other task waits for this slot


class Command(BaseCommand):
    help = "Compact the streams of runs that ended COMPACT_SECONDS ago, and prune those of RETENTION_DAYS ago."

    def handle(self, **options):
        compacted = pruned = 0
        while more := compact_due(TimeBudget(TURN_SECONDS)):
            compacted += more
        while more := prune_due(TimeBudget(TURN_SECONDS)):
            pruned += more
        self.stdout.write(f"compacted {compacted} streams, checked {pruned} for pruning")
