"""The leash: whatever happens to the supervisor or to the leash, the part does not outlive it."""

import signal
import subprocess
import sys

import psutil
import pytest

from chatapp.ops import pipe_guard
from tests.harness.facts import wait_until

FAMILY = ["sh", "-c", "sleep 1000 & sleep 1000"]  # a part with a child of its own, like a prefork worker


def hold(*command: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", pipe_guard.__file__, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def descendants(held: subprocess.Popen, count: int) -> list[psutil.Process]:
    process = psutil.Process(held.pid)
    wait_until(lambda: len(process.children(recursive=True)) == count, f"{count} processes on the leash")
    return process.children(recursive=True)


def are_gone(processes: list[psutil.Process]) -> bool:
    return all(map(is_gone, processes))


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the two
        return True


def test_without_its_holder_the_whole_group_is_killed():
    with hold(*FAMILY) as held:
        family = descendants(held, 3)
        held.stdin.close()  # what the kernel does when the supervisor is killed
        wait_until(lambda: are_gone(family), "the part and its children are gone")
    assert held.returncode == 128 + signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can promise it")
def test_a_killed_leash_takes_the_part_along():
    with hold("sleep", "1000") as held:
        family = descendants(held, 1)
        held.kill()
        wait_until(lambda: are_gone(family), "the part is gone")


def test_a_signal_is_passed_on_to_the_part():
    with hold(sys.executable, "-c", "import signal; print(signal.sigwait([15]), flush=True)") as held:
        descendants(held, 1)
        held.terminate()
        held.wait(10)
    assert held.returncode == 128 + signal.SIGTERM


def test_what_a_part_leaves_behind_is_killed():
    with hold("sh", "-c", "sleep 1000 & echo $!") as held:
        left_behind = int(held.stdout.readline())
        held.wait(10)
        wait_until(lambda: not psutil.pid_exists(left_behind) or are_gone([psutil.Process(left_behind)]), "it is gone")


@pytest.mark.parametrize(("command", "code"), [(["true"], 0), (["sh", "-c", "exit 7"], 7), (["/not/there"], 127)])
def test_the_exit_code_is_the_parts(command, code):
    with hold(*command) as held:
        assert held.wait(10) == code
