"""The catalogue of faults fits the code as it is: cheap enough for every push. `make mutants` tries them."""

from collections import Counter

from tests.mutants.mutant import all_mutants

MUTANTS = 40  # at least
PACKAGES = ("chatapp", "runs", "streams")
EACH = 12  # at least, in each of the packages

mutants = all_mutants()


def test_every_mutant_can_be_put_into_the_code_and_names_a_test_that_exists():
    assert {mutant.name: reason for mutant in mutants if (reason := mutant.misfit())} == {}


def test_no_two_mutants_have_the_same_name():
    assert [name for name, count in Counter(mutant.name for mutant in mutants).items() if count > 1] == []


def test_there_are_mutants_in_every_package():
    packages = Counter(mutant.path.partition("/")[0] for mutant in mutants)
    assert len(mutants) >= MUTANTS
    assert [package for package in PACKAGES if packages[package] < EACH] == []


def test_mutants_are_tried_on_databases_that_there_are():
    assert {mutant.database for mutant in mutants} <= {"sqlite", "postgres"}
