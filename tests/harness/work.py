"""Count work instead of timing it, independent of the machine's load."""

import sys
from contextlib import contextmanager
from types import ModuleType

CALLS_A_SECOND = 200_000  # of Python and C functions; a core does as many even where each is a costly search


class Work:
    """How many functions have been called; `seconds` is what that takes on a machine that does nothing else."""

    calls = 0

    @property
    def seconds(self) -> float:
        return self.calls / CALLS_A_SECOND

    def _count(self, _frame, event: str, _argument) -> None:
        self.calls += event in ("call", "c_call")


@contextmanager
def counted(monkeypatch, *modules: ModuleType):
    """Count calls within this context. The modules see `thread_time` advance with each call."""
    work = Work()
    for module in modules:
        monkeypatch.setattr(module, "thread_time", lambda: work.seconds)
    before = sys.getprofile()
    sys.setprofile(work._count)
    try:
        yield work
    finally:
        sys.setprofile(before)
