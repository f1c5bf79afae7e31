"""The states of a run and the reasons for its end. `runs/lifecycle/transitions.py` holds the moves between them."""

from django.db import models


class Status(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"  # on request; reason: StopReason
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
    INTERRUPTED = "interrupted"  # the task was ended from outside, and no Stop was requested
    RESTART = "restart"  # the worker was shut down


class WhenBusy(models.TextChoices):
    """What to do with a message that is sent while a run of its session is under way."""

    ENQUEUE = "enqueue"  # wait at the end of the queue
    REPLACE = "replace"  # go to the head and stop the running one
    REJECT = "reject"  # refuse it


class Trigger(models.TextChoices):
    CHAT = "chat"
    API = "api"
    TERMINAL = "terminal"
    COMPARE = "compare"
    SCHEDULE = "schedule"


class Notify(models.TextChoices):
    """Which ends of a run set the unread badge for its owner. A Stop never does."""

    ALL = "all"
    FAILURES = "failures"
    NONE = "none"


class LogKept(models.TextChoices):
    """What is kept of a final run's stream. runs/maintenance/retention.py reduces it as time goes by."""

    WHOLE = "whole"
    COMPACTED = "compacted"  # a snapshot instead of its deltas
    NEEDED = "needed"  # everything, permanently: neither the message nor a snapshot could hold all of it
    PRUNED = "pruned"  # the final event; a snapshot is made from the message
