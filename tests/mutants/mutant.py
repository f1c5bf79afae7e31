"""One fault: what it changes, and the test that has to find it."""

import ast
import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path

from tests.harness.processes import ROOT


@dataclass(frozen=True)
class Mutant:
    """`old`, which stands once in the file `path`, becomes `new`; then `test` (pytest's id of it) has to fail.

    `hangs`: the test does not fail but never ends, so reaching the time limit counts. Rather write a test that fails.
    """

    name: str
    path: str
    old: str
    new: str
    test: str
    database: str = "sqlite"
    hangs: bool = False

    @property
    def file_of_test(self) -> str:
        return self.test.partition("::")[0]

    @property
    def function_of_test(self) -> str:
        """The function, without the parameters it is tried with."""
        return self.test.rpartition("::")[2].partition("[")[0]

    def applied_to(self, text: str) -> str:
        return text.replace(self.old, self.new)

    def misfit(self, root: Path = ROOT) -> str | None:
        """Why this fault can't be put into the code as it is now; None: it can."""
        file, file_of_test = root / self.path, root / self.file_of_test
        if not file.is_file():
            return f"{self.path} does not exist"
        text = file.read_text()
        if (count := text.count(self.old)) != 1:
            return f"the old snippet stands {count} times in {self.path}"
        if self.old == self.new:
            return "nothing is changed"
        if not file_of_test.is_file() or self.function_of_test not in _functions(file_of_test):
            return f"the test {self.test} does not exist"
        return _syntax_error(self.applied_to(text)) if file.suffix == ".py" else None


def _functions(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


def _syntax_error(text: str) -> str | None:
    try:
        ast.parse(text)
    except SyntaxError as error:
        return f"the code can't be read any more: {error}"
    return None


def all_mutants() -> list[Mutant]:
    """The whole catalogue, area by area."""
    from tests.mutants import catalogue

    areas = sorted(area.name for area in pkgutil.iter_modules(catalogue.__path__))
    return [mutant for area in areas for mutant in importlib.import_module(f"{catalogue.__name__}.{area}").MUTANTS]
