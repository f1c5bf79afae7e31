"""Why a schedule can not do something: a stable code and a sentence (`docs/schedules.md`).

RunRefused                 runs.errors
├── StillRunning
└── TooManySchedules
RunFailed                  runs.errors
├── OwnerDisabled
└── UnknownZone
"""

from runs.errors import RunFailed, RunRefused


class OwnerDisabled(RunFailed):
    """The account of this schedule's owner is switched off."""

    code = "owner_disabled"
    retryable = False


class StillRunning(RunRefused):
    """The last answer of this schedule is still being written. Wait for it, or stop it."""

    code = "schedule_still_running"
    status = 409


class UnknownZone(RunFailed):
    """The time zone of this schedule is not known here any more. Choose another one."""

    code = "unknown_zone"
    retryable = False


class TooManySchedules(RunRefused):
    """You have as many schedules as this site allows. Delete one first."""

    code = "too_many_schedules"
    status = 409
