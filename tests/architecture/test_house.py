"""The house rules that a machine can check."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("chatapp", "runs", "streams", "tests", "deploy")
FORBIDDEN_NAMES = {"utils", "helpers", "services", "common", "core", "misc"}
PYTHON_LINES, BROWSER_LINES = 400, 150  # a module that is longer holds more than one idea

python_files = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if not {"migrations", "node_modules", "__pycache__"} & set(path.parts)
)
browser_files = sorted(path for path in (ROOT / "chatapp").rglob("*.js") if "node_modules" not in path.parts)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_module_is_longer_than_a_reader_s_patience():
    longer = [name_of(path) for path in python_files if lines_of(path) > PYTHON_LINES]
    longer += [name_of(path) for path in browser_files if lines_of(path) > BROWSER_LINES]
    assert longer == []


def test_every_file_is_named_after_what_is_in_it():
    assert [name_of(path) for path in python_files if path.stem in FORBIDDEN_NAMES] == []
    assert [name_of(path) for path in python_files if path.parent.name in FORBIDDEN_NAMES] == []


def test_every_module_says_what_it_is_for():
    modules = [path for path in python_files if path.read_text().strip()]
    assert [name_of(path) for path in modules if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_django_s_models_have_all_their_migrations():
    argv = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
