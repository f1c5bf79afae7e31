"""Schedules as tests read them, and how a run fails."""

from chatapp.schedules.models import Occurrence, Schedule
from runs.errors import RunError
from runs.lifecycle import transitions


def last(schedule: Schedule) -> Occurrence:
    return schedule.occurrences.first()


def states(schedule: Schedule) -> list[str]:
    """The oldest first."""
    return [occurrence.state for occurrence in schedule.occurrences.order_by("due_at")]


def fail(run_id, code: str = "upstream_failed"):
    error = RunError()
    error.code = code
    return transitions.fail(run_id, error)
