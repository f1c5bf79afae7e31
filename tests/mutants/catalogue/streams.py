"""Faults in the log, and on the way from there to readers."""

from tests.mutants.mutant import Mutant

MUTANTS = [
    Mutant(
        "something can follow a final event",
        "streams/log.py",
        "if last.is_sealed:",
        "if not last:",
        "tests/streams/test_log.py::test_nothing_follows_a_final_event",
    ),
    Mutant(
        "a fenced run goes on writing",
        "streams/publish.py",
        "self._fence(mine.pop(stream)[0].stream)",
        "mine.pop(stream)",
        "tests/streams/test_writer.py::test_a_fenced_run_does_not_cost_the_others_their_events",
    ),
    Mutant(
        "a snapshot is added to what it stands for",
        "streams/events.py",
        'text, reasoning, calls = [data["text"]], [data["reasoning"]], ToolCalls(data["tools"])',
        'text, reasoning, calls = [*text, data["text"]], [data["reasoning"]], ToolCalls(data["tools"])',
        "tests/streams/test_events.py::test_a_snapshot_stands_for_everything_before_it",
    ),
]
