"""`manage.py prune`: let go of all that is not to be kept any longer, at once."""

from django.core.management import call_command
from django.core.management.base import BaseCommand

from chatapp.ops.management.commands.reduce_logs import TURN_SECONDS
from runs.maintenance.retention import FIRST_STREAM, TimeBudget, delete_orphans, delete_workers


class Command(BaseCommand):
    help = "Compact and prune streams that are due (as reduce_logs), delete orphaned streams and workers long gone."

    def handle(self, **options):
        call_command("reduce_logs", stdout=self.stdout, stderr=self.stderr)
        workers, place = 0, FIRST_STREAM
        while more := delete_workers(TimeBudget(TURN_SECONDS)):
            workers += more
        while place is not None:
            place = delete_orphans(place, TimeBudget(TURN_SECONDS))
        self.stdout.write(f"deleted {workers} workers, and the streams that nobody owns")
