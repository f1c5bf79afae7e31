"""`manage.py reap_runs`: run the reaper once. On a running site, beat runs it every few seconds."""

from django.core.management.base import BaseCommand

from runs.lifecycle import attached, reaper


class Command(BaseCommand):
    help = "End runs of dead workers, fail runs that waited too long, and start runs left in the queue."

    def handle(self, **options):
        (lost, failed, started), unwatched = reaper.recover(), attached.stop_unwatched()
        self.stdout.write(f"ended {lost}, failed {failed}, stopped {unwatched} without viewers, started {started}")
