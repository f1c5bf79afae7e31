"""`manage.py reap_runs`: do at once what beat has a worker do every few seconds."""

from django.core.management.base import BaseCommand

from runs.lifecycle import attached, reaper


class Command(BaseCommand):
    help = "End the runs of workers that are gone, give up what waited too long, start what was left waiting."

    def handle(self, **options):
        (lost, failed, started), left = reaper.recover(), attached.stop_unwatched()
        self.stdout.write(f"ended {lost}, gave up {failed}, stopped {left} that nobody watched, started {started}")
