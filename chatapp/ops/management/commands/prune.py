"""`manage.py prune`: delete everything past its retention now."""

from django.core.management import call_command
from django.core.management.base import BaseCommand

from chatapp.ops.management.commands.reduce_logs import TURN_SECONDS
from runs.maintenance.retention import FIRST_STREAM, TimeBudget, delete_orphans, delete_workers


class Command(BaseCommand):
    help = "Compact and prune due streams (like reduce_logs), and delete orphaned streams and old workers."

    def handle(self, **options):
        call_command("reduce_logs", stdout=self.stdout, stderr=self.stderr)
        workers, next_stream = 0, FIRST_STREAM
        while more := delete_workers(TimeBudget(TURN_SECONDS)):
            workers += more
        while next_stream is not None:
            next_stream = delete_orphans(next_stream, TimeBudget(TURN_SECONDS))
        self.stdout.write(f"deleted {workers} workers, and all orphaned streams")
