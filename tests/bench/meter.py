"""CPU time of groups of processes, children included, and of the whole machine."""

import psutil


class Meter:
    """`groups`: name -> process ids, each with all of its descendants."""

    def __init__(self, groups: dict[str, list[int]]):
        self.groups = groups
        self._before, self._machine_before = self._read(), _machine_seconds()

    def _read(self) -> dict[str, dict[int, float]]:
        return {name: _cpu_seconds(pids) for name, pids in self.groups.items()}

    def seconds(self) -> dict[str, float]:
        """CPU seconds of each group since this meter was created. A later process counts from its start."""
        now = self._read()
        return {
            name: sum(used - self._before[name].get(pid, 0.0) for pid, used in processes.items())
            for name, processes in now.items()
        }

    def machine_seconds(self) -> float:
        """CPU seconds of everything on this machine since this meter was created, including time stolen by a host."""
        return _machine_seconds() - self._machine_before


def _machine_seconds() -> float:
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


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
