"""Faults in what keeps a site going: the supervisor and its keepers."""

from tests.mutants.mutant import Mutant

MUTANTS = [
    Mutant(
        "a part that was ready and dies counts as a failed start",
        "chatapp/ops/keeper.py",
        "self._failed_starts = 0 if was_ready else self._failed_starts + 1",
        "self._failed_starts = self._failed_starts + 1",
        "tests/ops/test_supervisor.py::test_a_part_that_is_killed_is_started_again_with_a_word_of_it",
    ),
    Mutant(
        "a part that has hung at its start is left alone",
        "chatapp/ops/keeper.py",
        "            process.let_go()\n        was_ready",
        "            pass\n        was_ready",
        "tests/ops/test_supervisor.py::test_a_part_that_hangs_at_its_start_is_killed_and_started_again",
        hangs=True,
    ),
    Mutant(
        "the pauses between starts do not grow",
        "chatapp/ops/keeper.py",
        "        self._ends += 1\n",
        "",
        "tests/ops/test_supervisor.py::test_the_pauses_grow_until_the_part_has_stayed_up_for_a_while",
    ),
    Mutant(
        "a part is started although everything stops",
        "chatapp/ops/keeper.py",
        "            if self._stopping.is_set():\n                return None\n",
        "",
        "tests/ops/test_supervisor.py::test_a_part_that_was_about_to_start_when_everything_stops_is_not_started",
    ),
]
