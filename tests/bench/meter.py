"""CPU time of groups of processes, children included."""

import psutil


class Meter:
    """`groups`: name -> process ids; each stands for itself and all of its descendants."""

    def __init__(self, groups: dict[str, list[int]]):
        self.groups = groups
        self._before = self._read()

    def _read(self) -> dict[str, dict[int, float]]:
        return {name: _cpu_seconds(pids) for name, pids in self.groups.items()}

    def seconds(self) -> dict[str, float]:
        """CPU seconds of each group since this meter was made. A process that came later counts from its start."""
        now = self._read()
        return {
            name: sum(used - self._before[name].get(pid, 0.0) for pid, used in processes.items())
            for name, processes in now.items()
        }


def _cpu_seconds(pids: list[int]) -> dict[int, float]:
    used = {}
    for pid in pids:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            used[process.pid] = times.user + times.system
    return used
