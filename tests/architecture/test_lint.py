"""Everything that `make lint` checks passes: style, formatting, types, who imports whom. So CI checks it as well."""

import os
import subprocess

import pytest

from tests.harness.lanes import is_ci
from tests.harness.processes import ROOT, dry_run_of_make


def commands_of_make_lint() -> list[str]:
    """The commands of `make lint`, one by one, without the set-up, which has run before any test."""
    recipe = dry_run_of_make("lint")
    lines = [line for line in recipe.replace("\\\n", "").splitlines() if "deploy/set_up.py" not in line]
    return [command.strip() for line in lines for command in line.split("&&")]


@pytest.mark.parametrize("command", commands_of_make_lint())
def test_the_linters_find_nothing(command):
    # mypy's cache, which no one reads again in CI, would cost a quarter more of CPU time to write
    env = os.environ | ({"MYPY_CACHE_DIR": os.devnull} if is_ci() else {})
    done = subprocess.run(command, shell=True, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_imports_style_and_formatting_are_linted():
    programs = {command.split()[0].rpartition("/")[2] for command in commands_of_make_lint()}
    assert programs >= {"ruff", "mypy", "lint-imports"}
