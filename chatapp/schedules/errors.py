"""Why a schedule can not do something: a stable code and a sentence (`docs/schedules.md`)."""

from runs.errors import RunError


class OwnerDisabled(RunError):
    """The account of this schedule's owner is switched off."""

    code = "owner_disabled"
    retryable = False


class StillRunning(RunError):
    """The last answer of this schedule is still being written. Wait for it, or stop it."""

    code = "schedule_still_running"


class UnknownZone(RunError):
    """The time zone of this schedule is not known here any more. Choose another one."""

    code = "unknown_zone"
    retryable = False


class TooManySchedules(RunError):
    """You have as many schedules as this site allows. Delete one first."""

    code = "too_many_schedules"
