"""`manage.py reap_runs`: run the reaper once, which beat runs every few seconds."""

from django.core.management.base import BaseCommand

from runs.lifecycle import attached, reaper


class Command(BaseCommand):
    help = "End the runs of dead workers, fail those that waited too long, and start runs that were left in the queue."

    def handle(self, **options):
        (lost, failed, started), left = reaper.recover(), attached.stop_unwatched()
        self.stdout.write(f"ended {lost}, gave up {failed}, stopped {left} that nobody watched, started {started}")
