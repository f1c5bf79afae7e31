"""The states of a run and the reasons for its end. `runs/lifecycle/transitions.py` holds the moves between them."""

from django.db import models


class Status(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"  # a person ended it; reason: StopReason
    FAILED = "failed"  # code: runs/errors.py
    LOST = "lost"  # its worker is gone; reason: LostReason


ACTIVE = (Status.QUEUED, Status.RUNNING)
FINAL = (Status.COMPLETED, Status.STOPPED, Status.FAILED, Status.LOST)


class StopReason(models.TextChoices):
    USER = "user"
    REPLACED = "replaced"
    VIEWER_LEFT = "viewer_left"


class LostReason(models.TextChoices):
    LEASE = "lease"  # the worker stopped renewing its lease
    INTERRUPTED = "interrupted"  # the task was ended from outside, and nobody had asked for a Stop
    RESTART = "restart"  # the worker was shut down


class WhenBusy(models.TextChoices):
    """What a message does that is sent while an answer of its session is on its way."""

    ENQUEUE = "enqueue"  # waits at the end of the queue
    REPLACE = "replace"  # goes to the head and stops the running one
    REJECT = "reject"  # is refused


class Trigger(models.TextChoices):
    CHAT = "chat"
    API = "api"
    TERMINAL = "terminal"
    COMPARE = "compare"
    SCHEDULE = "schedule"


class Notify(models.TextChoices):
    """Which ends of a run are news for its owner. A Stop never is."""

    ALL = "all"
    FAILURES = "failures"
    NONE = "none"


class LogKept(models.TextChoices):
    """What is kept of a final run's stream. runs/maintenance/retention.py reduces it as time goes by."""

    WHOLE = "whole"
    COMPACTED = "compacted"  # a snapshot instead of its deltas
    NEEDED = "needed"  # what there is, for good: the message does not hold all of it, or no snapshot could
    PRUNED = "pruned"  # the final event; a snapshot is made from the message
