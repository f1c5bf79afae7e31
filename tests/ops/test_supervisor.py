"""The supervisor with small parts: what it does when they don't start, don't stop, or a person is in a hurry."""

import os
import signal
import sys

import pytest

from chatapp.ops import supervisor
from chatapp.ops.logs import Logs
from chatapp.ops.supervisor import Part, Supervisor
from tests.harness.facts import wait_until

STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"


@pytest.fixture(autouse=True)
def signals_of_pytest():
    """The supervisor takes the signals of its process, which here is pytest's."""
    before = {number: signal.getsignal(number) for number in supervisor.STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def said():
    """What the console shows."""
    return []


@pytest.fixture
def run(tmp_path, said):
    """Run a supervisor to its end: (return code, what it said)."""

    def run(bring_up):
        logs = Logs(tmp_path / "log")
        running = Supervisor(logs, said.append, lambda supervisor: bring_up(supervisor, logs))
        running.loop()
        logs.close()
        return running.returncode, "\n".join(said)

    return run


def python(name: str, code: str, **more) -> Part:
    return Part(name, [sys.executable, "-c", code], **more)


def test_a_second_ctrl_c_ends_a_part_that_does_not_listen(run, said, monkeypatch):
    monkeypatch.setattr(supervisor, "TELL_SECONDS", 0.1)
    monkeypatch.setattr(supervisor, "HURRIED_SECONDS", 0.1)

    def bring_up(running, logs):
        part = python("mule", STUBBORN, is_ready=lambda: logs.tail("mule") == ["up"], stop_seconds=1000)
        running.launch(part)
        running.wait_for(part)
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(lambda: any("Stopping" in line for line in said), "the first Ctrl-C was heard")
        os.kill(os.getpid(), signal.SIGINT)

    code, console = run(bring_up)
    assert code == 0
    assert "mule      killed after" in console


def test_a_part_that_does_not_stop_in_its_time_is_killed(run, monkeypatch):
    monkeypatch.setattr(supervisor, "TELL_SECONDS", 0.1)
    monkeypatch.setattr(supervisor, "HURRIED_SECONDS", 0.1)

    def bring_up(running, logs):
        part = python("mule", STUBBORN, is_ready=lambda: logs.tail("mule") == ["up"], stop_seconds=0.3)
        running.launch(part)
        running.wait_for(part)
        os.kill(os.getpid(), signal.SIGTERM)

    code, console = run(bring_up)
    assert code == 0
    assert "mule      is still finishing" in console
    assert "mule      killed after" in console


def test_a_part_that_does_not_answer_in_time_ends_the_start(run):
    def bring_up(running, _logs):
        part = python("mute", "import signal; signal.pause()", is_ready=lambda: False, ready_seconds=0.3)
        running.launch(part)
        running.wait_for(part)

    code, console = run(bring_up)
    assert code == 1
    assert "mute did not answer within 0 s" in console


def test_a_part_that_dies_while_it_is_waited_for_is_named(run):
    def bring_up(running, _logs):
        part = python("weak", "print('no legs'); raise SystemExit(3)", is_ready=lambda: False)
        running.launch(part)
        running.wait_for(part)

    code, console = run(bring_up)
    assert code == 3
    assert "weak has ended (exit code 3)" in console
    assert "    no legs" in console


def test_a_part_that_ends_without_an_error_is_a_failure_too(run):
    code, console = run(lambda running, _logs: running.launch(python("short", "")))
    assert code == 1
    assert "short has ended (exit code 0)" in console


def test_each_start_keeps_the_log_of_the_one_before(run, tmp_path):
    for word in ("first", "second"):
        run(lambda running, _logs, word=word: running.launch(python("part", f"print('{word}')")))
    assert (tmp_path / "log" / "part.log").read_text() == "second\n"
    assert (tmp_path / "log" / "part.log.1").read_text() == "first\n"
