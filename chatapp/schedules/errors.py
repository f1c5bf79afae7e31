"""Errors of schedules: a stable code and a sentence for users (`docs/schedules.md`).

RunRefused                 runs.errors
├── StillRunning
└── TooManySchedules
RunFailed                  runs.errors
├── OwnerDisabled
└── UnknownZone
"""

from runs.errors import RunFailed, RunRefused


class OwnerDisabled(RunFailed):
    """The account of this schedule's owner is disabled."""

    code = "owner_disabled"
    retryable = False


class StillRunning(RunRefused):
    """The last answer of this schedule is still being written. Wait for it, or stop it."""

    code = "schedule_still_running"
    status = 409


class UnknownZone(RunFailed):
    """This schedule's time zone is no longer available on the server. Choose another one."""

    code = "unknown_zone"
    retryable = False


class TooManySchedules(RunRefused):
    """You have reached this site's limit on schedules. Delete one first."""

    code = "too_many_schedules"
    status = 409
