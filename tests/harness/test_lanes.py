"""No test can be missed: each is collected, and `make test-all` runs all that is collected."""

import ast
import shlex

import pytest

from tests.harness.lanes import DATABASES, ENGINES, IN_WEBKIT, ONCE, databases_of, engines_of, scope_of
from tests.harness.processes import ROOT, dry_run_of_make
from tests.harness.run_lanes import command

test_files = sorted((ROOT / "tests").rglob("*.py"))


@pytest.mark.parametrize(("target", "lane"), [("test", "push"), ("test-all", "all")])
def test_a_lane_is_run_on_both_databases(target, lane):
    [words] = [shlex.split(line) for line in dry_run_of_make(target).splitlines() if "run_lanes" in line]
    words = words[words.index("tests.harness.run_lanes") + 1 :]
    assert {lane, *DATABASES} == {*words[: words.index("--")]}
    for database in DATABASES:
        options = command(lane, database, [])[3:]  # behind `python -m pytest`
        assert {f"--lane={lane}", f"--database={database}"} <= {*options}
        assert not {*options} & {"-k", "-m", "--deselect", "--ignore", "--ignore-glob", "--last-failed", "--reruns"}


def test_ci_makes_exactly_that():
    assert "make test " in (ROOT / ".ci" / "run").read_text()
    assert "export CI=true" in (ROOT / ".ci" / "run").read_text()


def test_every_test_is_in_a_file_that_is_collected_and_defined_whatever_is_installed():
    hidden = []
    for path in test_files:
        tree = ast.parse(path.read_text())
        collected = _at_top_level(tree) if path.name.startswith("test_") else set()
        hidden += [f"{path.relative_to(ROOT)}: {name}" for name, line in _tests_of(tree) if line not in collected]
    assert hidden == [], "define it always, and call `skip_missing()` in it where a program is missing"


def test_no_test_stands_behind_another_of_the_same_name():
    for path in test_files:
        names = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
        assert sorted(names) == sorted(set(names)), path


def _tests_of(tree: ast.Module) -> list[tuple[str, int]]:
    """Name and line of each function that looks like a test."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(function.name, function.lineno) for function in functions if function.name.startswith("test_")]


def _at_top_level(tree: ast.Module) -> set[int]:
    """The lines of functions that stand in no `if`, and have not to be awaited, which pytest would not do."""
    return {node.lineno for node in tree.body if isinstance(node, ast.FunctionDef)}


class Item:
    """As much of pytest's item as lanes look at."""

    def __init__(self, fixturenames: set[str], marks: set[str], pool: str | None, nodeid: str = "tests/x.py::test"):
        self.fixturenames, self._marks, self.nodeid = fixturenames, marks, nodeid
        if pool:
            self.callspec = type("Callspec", (), {"params": {"pool": pool}})

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return getattr(pytest.mark, name).mark if name in self._marks else None


BOTH, NONE = {"sqlite", "postgres"}, set()


@pytest.mark.parametrize(
    ("fixtures", "marks", "pool", "push", "everything"),
    [
        ({"tmp_path"}, set(), None, {"sqlite"}, {"sqlite"}),
        ({"db"}, set(), None, {"postgres"}, BOTH),
        ({"db"}, {"one_database"}, None, {"sqlite"}, {"sqlite"}),
        ({"db"}, {"each_database"}, None, BOTH, BOTH),
        ({"transactional_db"}, set(), None, BOTH, BOTH),
        (set(), {"django_db"}, None, {"postgres"}, BOTH),
        ({"stack"}, set(), None, {"postgres"}, BOTH),
        ({"make_stack"}, {"one_database"}, None, {"postgres"}, {"postgres"}),
        ({"make_stack"}, {"each_database"}, None, BOTH, BOTH),
        ({"make_stack"}, {"each_database", "one_database"}, None, {"postgres"}, {"postgres"}),
        ({"each_stack"}, set(), "gevent", {"postgres"}, BOTH),
        ({"each_stack"}, set(), "prefork", {"sqlite"}, BOTH),
        ({"make_stack"}, {"each_database"}, "prefork", {"sqlite"}, BOTH),
        ({"make_stack"}, {"long"}, None, NONE, BOTH),
        ({"stack"}, {"browser"}, None, {"sqlite"}, {"sqlite"}),
    ],
)
def test_what_people_wait_for_is_tried_once_and_everything_at_length(fixtures, marks, pool, push, everything):
    item = Item(fixtures, marks, pool)
    assert (databases_of(item, "push"), databases_of(item, "all")) == (push, everything)


@pytest.mark.parametrize(
    ("marks", "path", "push", "everything"),
    [
        (set(), "tests/browser/test_x.py", ["chromium"], ["chromium", "firefox"]),
        (set(), IN_WEBKIT[0], ["chromium"], list(ENGINES)),
        ({"each_engine"}, IN_WEBKIT[0], ["chromium", "firefox"], list(ENGINES)),
        ({"pictures"}, IN_WEBKIT[0], ["chromium"], ["chromium"]),
    ],
)
def test_what_engines_do_differently_is_tried_in_two_and_everything_in_more(marks, path, push, everything):
    item = Item(set(), {"browser", *marks}, None, f"{path}::test")
    assert (engines_of(item, "push"), engines_of(item, "all")) == (push, everything)


def test_firefox_is_started_by_one_process_of_those_that_people_wait_for():
    ids = ["tests/browser/test_x.py::test_a[firefox]", "tests/browser/test_y.py::test_b[firefox-a case]"]
    assert {scope_of(nodeid, "push") for nodeid in ids} == {"firefox"}
    assert scope_of(ids[0], "all") == scope_of("tests/browser/test_x.py::test_a[chromium]", "push")


@pytest.mark.parametrize("path", ["tests/streams/test_log.py", "tests/runs/test_lease.py", "tests/web/test_search.py"])
def test_the_log_the_moves_of_runs_and_search_are_tried_on_both_databases(path):
    assert databases_of(Item({"db"}, set(), None, f"{path}::test"), "push") == BOTH


@pytest.mark.parametrize(
    "path", ["tests/edges/test_url_map.py", "tests/runs/test_admin.py", "tests/runs/test_quota.py"]
)
def test_hostile_requests_and_the_admin_are_tried_on_one_database_before_a_release_on_both(path):
    item = Item({"transactional_db"}, set(), None, f"{path}::test")
    assert (databases_of(item, "push"), databases_of(item, "all")) == ({"postgres"}, BOTH)


def test_what_is_tried_once_or_in_webkit_is_there():
    assert [path for path in (*ONCE, *IN_WEBKIT) if not (ROOT / path).exists()] == []
