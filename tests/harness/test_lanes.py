"""No test can be missed: each is collected, and `make test` runs all that is collected, on each database it is for."""

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.harness.lanes import LANES, lanes_of
from tests.harness.processes import ROOT

test_files = sorted((ROOT / "tests").rglob("*.py"))


def test_make_test_runs_both_databases_and_those_who_want_to_be_alone():
    done = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True)
    runs = [shlex.split(run) for run in re.findall(r"-m pytest ([^|&{}]*)", done.stdout)]
    tried = {
        ("postgres" if "--database=postgres" in words else "sqlite", words[words.index("-m") + 1])
        for words in runs
        if "--last-failed" not in words
    }
    assert tried == {(database, marks) for database in LANES for marks in ("alone", "not alone")}
    assert not {word for words in runs for word in words} & {"-k", "--deselect", "--ignore", "--ignore-glob"}


def test_ci_makes_exactly_that():
    assert "exec make test" in (ROOT / ".ci" / "run").read_text()
    assert "export CI=true" in (ROOT / ".ci" / "run").read_text()


def test_every_test_is_in_a_file_that_is_collected_and_defined_whatever_is_installed():
    hidden = [
        f"{path.relative_to(ROOT)}: {function.name}"
        for path in test_files
        for function in _functions_of(path)
        if function.name.startswith("test_") and not (path.name.startswith("test_") and _stands_alone(path, function))
    ]
    assert hidden == [], "define it always, and call `missing()` in it where a program is missing"


def test_no_test_stands_behind_another_of_the_same_name():
    for path in test_files:
        names = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
        assert sorted(names) == sorted(set(names)), path


def _functions_of(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _stands_alone(path: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Not in an `if`, and nothing that has to be awaited, which nobody would do."""
    return isinstance(function, ast.FunctionDef) and function.lineno in {
        node.lineno for node in ast.parse(path.read_text()).body
    }


class Item:
    """As much of pytest's item as lanes look at."""

    def __init__(self, fixturenames: set[str], marks: set[str], pool: str | None):
        self.fixturenames, self._marks = fixturenames, marks
        if pool:
            self.callspec = type("Callspec", (), {"params": {"pool": pool}})

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self._marks else None


@pytest.mark.parametrize(
    ("fixtures", "marks", "pool", "lanes"),
    [
        ({"tmp_path"}, set(), None, {"sqlite"}),
        ({"db"}, set(), None, {"sqlite", "postgres"}),
        ({"db"}, {"one_database"}, None, {"sqlite"}),
        (set(), {"django_db"}, None, {"sqlite", "postgres"}),
        ({"stack"}, set(), None, {"postgres"}),
        ({"make_stack"}, {"one_database"}, None, {"postgres"}),
        ({"make_stack"}, {"each_database"}, None, {"sqlite", "postgres"}),
        ({"each_stack"}, set(), "gevent", {"sqlite", "postgres"}),
        ({"each_stack"}, set(), "prefork", {"postgres"}),
        ({"each_stack"}, {"one_database"}, "gevent", {"postgres"}),
        ({"stack"}, {"browser"}, None, {"sqlite"}),
    ],
)
def test_what_takes_real_processes_is_tried_on_what_production_uses(fixtures, marks, pool, lanes):
    assert lanes_of(Item(fixtures, marks, pool)) == lanes
