"""The commands, tests and diffs that pages for contributors show are those of this repository."""

import re
from pathlib import Path

import pytest

from tests.harness.processes import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "first-changes.md", ROOT / "docs" / "testing.md"]
WALK = (ROOT / "docs" / "first-changes.md").read_text()
DIFF = re.compile(r"^```diff\n--- (\S+)\n\+\+\+ b/(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DIFFS = [(old, path, hunk) for old, path, body in DIFF.findall(WALK) for hunk in body.split("@@\n")]
ADDED = "\n".join(line for _, _, hunk in DIFFS for line in hunk.splitlines() if line.startswith("+"))


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def source_of(path: str) -> str:
    """A file of tests, with what the walk adds to any."""
    return ((ROOT / path).read_text() if (ROOT / path).exists() else "") + ADDED


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_target_of_make_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text()
    named = set(re.findall(r"(?:`|^|[A-Z]=\S+ )make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert named - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_test_that_a_command_names_exists(page):
    text = page.read_text()
    named = re.findall(r"(tests/[\w/]+\.py)::([a-z]\w*)", text)
    assert [(path, name) for path, name in named if f"def {name}(" not in source_of(path)] == []
    chosen = re.findall(r"(tests/[\w/]+\.py) -k (\w+)", text)
    assert [(path, word) for path, word in chosen if not re.search(rf"def test_\w*{word}", source_of(path))] == []


def test_the_walk_shows_changes():
    assert len(DIFFS) >= 10


@pytest.mark.parametrize(("old", "path", "hunk"), DIFFS, ids=[path for _, path, _ in DIFFS])
def test_every_diff_of_the_walk_fits_the_code(old, path, hunk):
    """The lines that it removes, and those around them, are in one place of the file, as it shows them."""
    if old == "/dev/null":
        assert not (ROOT / path).exists()
        return
    assert old == f"a/{path}"
    lines = hunk.splitlines()
    around = "\n".join(line[1:] for line in lines if not line.startswith("+"))
    assert not around or (ROOT / path).read_text().count(around) == 1  # without any, it is added at the end
    assert any(line.startswith("+") for line in lines)
