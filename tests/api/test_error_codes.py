"""docs/errors.md lists every code there is, and no other, with its status and whether to try again."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings

import chatapp.urls  # noqa: F401  (brings the codes of all edges along)
from chatapp.aisdk.history import HistoryMismatch
from chatapp.api.errors import PROBLEMS, BodyTooSlow
from chatapp.compare.errors import Refusal
from chatapp.files.errors import FileRefused
from runs.errors import RunError, RunFailed
from streams.transports.connection_limit import TooManyConnections

ROW = re.compile(r"^\| `(\w+)` \| (?:(\d{3}) \| )?(yes|no) \|", re.MULTILINE)


def documented():
    page = Path(settings.BASE_DIR, "docs", "errors.md").read_text()
    return {code: (int(status or 0), retryable == "yes") for code, status, retryable in ROW.findall(page)}


def run_errors(kind=RunError):
    return {kind}.union(*map(run_errors, kind.__subclasses__()))


def test_every_code_is_documented_and_every_documented_code_exists():
    requests = {problem.code: (problem.status, problem.retryable) for problem in PROBLEMS.values()}
    others = [*Refusal.__subclasses__(), *FileRefused.__subclasses__(), TooManyConnections, BodyTooSlow]
    others.append(HistoryMismatch)
    refusals = {kind.code: (kind.status, kind.retryable) for kind in others}
    runs = {
        error.code: (0 if issubclass(error, RunFailed) else error.status, error.retryable)
        for error in run_errors()
        if "code" in vars(error)
    }
    assert documented() == requests | runs | refusals


@pytest.mark.parametrize(
    "name",
    ["chatapp.errors", "chatapp.compare.errors", "chatapp.files.errors", "chatapp.schedules.errors", "runs.errors"],
)
def test_the_tree_at_the_top_of_a_module_names_all_its_errors(name):
    module = import_module(name)
    named = set(re.findall(r"^[│├└─ ]*(\w+)", module.__doc__, re.MULTILINE))
    assert {
        kind.__name__ for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == name
    } <= named


def test_a_code_of_a_run_fits_into_its_column():
    from runs.models import Run

    assert max(len(error.code) for error in run_errors()) <= Run._meta.get_field("code").max_length


def test_every_run_error_has_a_sentence_of_its_own():
    sentences = [error().message for error in run_errors()]
    assert len(set(sentences)) == len(sentences)
    assert all(sentence.endswith((".", "`.")) for sentence in sentences)
