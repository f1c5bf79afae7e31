"""A module for a worker (`-I tests.worker.hanging`) that never gets to the end of its shutdown."""

from celery import signals

from streams.loop import original


@signals.worker_shutdown.connect
def hang_for_ever(**kwargs) -> None:
    while True:
        original("time", "sleep")(60)
