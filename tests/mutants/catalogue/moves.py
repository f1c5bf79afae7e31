"""Faults in the moves between a run's states, and in a session's queue."""

from tests.mutants.mutant import Mutant

MUTANTS = [
    Mutant(
        "a run that has ended can end again",
        "runs/lifecycle.py",
        "leaving = Run.objects.filter(pk=run_id, status__in=leaves)",
        "leaving = Run.objects.filter(pk=run_id)",
        "tests/runs/test_lifecycle.py::test_the_first_end_wins_and_the_second_changes_nothing",
    ),
    Mutant(
        "a run is claimed by a task that it was not given",
        "runs/lifecycle.py",
        "waiting = Run.objects.filter(pk=run_id, task_id=task_id, status=Status.QUEUED, stop_requested_at=None)",
        "waiting = Run.objects.filter(pk=run_id, status=Status.QUEUED, stop_requested_at=None)",
        "tests/runs/test_lifecycle.py::test_a_claim_is_for_the_task_the_run_was_given_and_only_once",
    ),
    Mutant(
        "a run is claimed although its Stop was asked for",
        "runs/lifecycle.py",
        "task_id=task_id, status=Status.QUEUED, stop_requested_at=None)",
        "task_id=task_id, status=Status.QUEUED)",
        "tests/runs/test_lifecycle.py::test_a_stop_asked_for_before_the_claim_is_honoured_at_the_claim",
    ),
    Mutant(
        "leases are compared the wrong way round",
        "runs/lifecycle.py",
        "worker__lease_until__lt=Now()",
        "worker__lease_until__gt=Now()",
        "tests/runs/test_lifecycle.py::test_the_reaper_ends_what_a_worker_without_lease_was_running",
    ),
    Mutant(
        "a held queue goes on by itself",
        "runs/lifecycle.py",
        "if under_way(session_id).exists() or is_queue_held(session_id):",
        "if under_way(session_id).exists():",
        "tests/runs/test_queueing.py::test_after_a_stop_or_a_failure_the_queue_is_held",
    ),
    Mutant(
        "an interruption always counts as a Stop",
        "runs/lifecycle.py",
        "if Run.objects.filter(pk=run_id, stop_requested_at__isnull=False).exists():",
        "if Run.objects.filter(pk=run_id).exists():",
        "tests/runs/test_lifecycle.py::test_an_interruption_is_a_stop_only_if_somebody_asked",
    ),
    Mutant(
        "the key that makes sending idempotent is ignored",
        "runs/actions.py",
        "if key and (earlier := _sent_before(session, key, fingerprint)):",
        "if not key and (earlier := _sent_before(session, key, fingerprint)):",
        "tests/runs/test_queueing.py::test_a_key_sends_once_and_not_something_else",
    ),
]
