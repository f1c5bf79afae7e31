"""The supervisor with small parts: what it does when they don't start, don't stop, or a person is in a hurry."""

import os
import re
import signal
import sys
import threading

import pytest

from chatapp.ops import part_supervisor, supervisor
from chatapp.ops.part_logs import Logs
from chatapp.ops.part_supervisor import Part
from chatapp.ops.supervisor import Supervisor
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
    monkeypatch.setattr(part_supervisor, "NOTICE_SECONDS", 0.1)
    monkeypatch.setattr(part_supervisor, "HURRY_SECONDS", 0.1)

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


def test_a_terminal_that_closes_ends_everything(run):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    code, console = run(lambda *_: os.kill(os.getpid(), signal.SIGHUP))
    assert (code, console) == (0, "\nStopping. Press Ctrl-C again to hurry.")


def test_what_nohup_started_stays_when_the_terminal_closes(run):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def bring_up(running, logs):
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        raise RuntimeError("it had stayed")

    assert run(bring_up) == (1, "\nThe start failed: it had stayed")


def test_a_part_that_does_not_stop_in_its_time_is_killed(run, monkeypatch):
    monkeypatch.setattr(part_supervisor, "NOTICE_SECONDS", 0.1)
    monkeypatch.setattr(part_supervisor, "HURRY_SECONDS", 0.1)

    def bring_up(running, logs):
        part = python("mule", STUBBORN, is_ready=lambda: logs.tail("mule") == ["up"], stop_seconds=0.3)
        running.launch(part)
        running.wait_for(part)
        os.kill(os.getpid(), signal.SIGTERM)

    code, console = run(bring_up)
    assert code == 0
    assert "mule      is still stopping" in console
    assert "mule      killed after" in console


# -- a part that ends is started again (B86) -------------------------------------------------------


@pytest.fixture
def quick(monkeypatch):
    """Back-offs that a test can wait for, and a part that has lived for a moment counts as started."""
    monkeypatch.setattr(part_supervisor, "BACKOFF_SECONDS", (0.01, 0.02))


def lives(directory, ending: str = "signal.pause()") -> str:
    """A program that counts its lives in a file each, tells its process id, and then does something."""
    return f"""
import os, pathlib, signal
lives = pathlib.Path({str(directory)!r})
life = len(list(lives.glob("life*"))) + 1
(lives / f"life{{life}}").write_text(str(os.getpid()))
print("life", life, flush=True)
{ending}
"""


def pid_of(directory, life: int) -> int:
    file = directory / f"life{life}"
    return int(wait_until(lambda: file.exists() and file.read_text(), f"life {life} begins"))


def test_a_part_that_is_killed_is_started_again_with_a_word_of_it(run, said, tmp_path, quick):
    def bring_up(running, logs):
        part = python("cat", lives(tmp_path), is_ready=lambda: logs.tail("cat")[-1:] != [])
        running.launch(part)
        running.wait_for(part)
        for life in range(1, 9):  # more often than a start may fail
            os.kill(pid_of(tmp_path, life), signal.SIGKILL)
        pid_of(tmp_path, 9)
        os.kill(os.getpid(), signal.SIGTERM)

    code, console = run(bring_up)
    assert code == 0
    assert console.count("cat has ended (exit code 137: killed, by hand or for lack of memory).") == 8
    assert "It will be restarted in 0.01 s. Its log:" in console
    assert "cat       ready again after" in console


@pytest.mark.parametrize("code", [0, 3])
def test_a_part_that_ends_by_itself_is_started_again_whatever_its_exit_code(run, said, tmp_path, quick, code):
    until_asked = (
        f"signal.pthread_sigmask(signal.SIG_BLOCK, [10]); print('up', flush=True); signal.sigwait([10]); exit({code})"
    )

    def bring_up(running, logs):
        part = python("leaver", lives(tmp_path, until_asked), is_ready=lambda: "up" in logs.tail("leaver"))
        running.launch(part)
        running.wait_for(part)
        os.kill(pid_of(tmp_path, 1), signal.SIGUSR1)
        pid_of(tmp_path, 2)
        os.kill(os.getpid(), signal.SIGTERM)

    returned, console = run(bring_up)
    assert returned == 0
    assert f"leaver has ended (exit code {code}). It will be restarted" in console


def test_a_part_that_fails_again_and_again_at_its_start_is_given_up_with_its_last_words(run, tmp_path, quick):
    def bring_up(running, _logs):
        other = python("other", "import signal; signal.pause()", settle_seconds=0)
        part = python("weak", lives(tmp_path, "print('no legs'); raise SystemExit(3)"), is_ready=lambda: False)
        running.launch(other)
        running.launch(part)
        running.wait_for(other, part)

    code, console = run(bring_up)
    assert code == 3
    assert len(list(tmp_path.glob("life*"))) == part_supervisor.MAX_FAILED_STARTS
    assert "weak has ended (exit code 3). It will be restarted in 0.01 s (start 2 of 5)." in console
    assert "weak has ended (exit code 3) 5 times in a row, so everything stops." in console
    assert "    no legs" in console.partition("so everything stops.")[2]
    assert "other     stopped after" in console


def test_a_part_that_ends_at_once_without_an_error_is_a_failure_too(run, quick):
    code, console = run(lambda running, _logs: running.launch(python("short", "", settle_seconds=60)))
    assert code == 1
    assert "short has ended (exit code 0) 5 times in a row, so everything stops." in console


def test_a_part_that_hangs_at_its_start_is_killed_and_started_again(run, tmp_path, quick, monkeypatch):
    """It answers in its third life; in the first two it hears nothing. On a full machine a life may be cut short."""
    monkeypatch.setattr(part_supervisor, "MAX_FAILED_STARTS", 1000)

    def bring_up(running, _logs):
        ready = lambda: (tmp_path / "life3").exists()  # noqa: E731
        part = python("mute", lives(tmp_path, STUBBORN), is_ready=ready, ready_seconds=0.5)
        running.launch(part)
        running.wait_for(part)
        os.kill(pid_of(tmp_path, 3), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGTERM)

    code, console = run(bring_up)
    assert code == 0
    assert "mute did not respond within 0 s. It will be restarted in 0.01 s (start 2 of 1000)." in console


def test_a_part_that_never_answers_is_given_up(run, quick):
    def bring_up(running, _logs):
        part = python("mute", "import signal; signal.pause()", is_ready=lambda: False, ready_seconds=0.1)
        running.launch(part)
        running.wait_for(part)

    code, console = run(bring_up)
    assert code == 1
    assert "mute did not respond within 0 s 5 times in a row, so everything stops." in console


def test_the_pauses_grow_until_the_part_has_stayed_up_for_a_while(run, said, tmp_path, monkeypatch):
    monkeypatch.setattr(part_supervisor, "BACKOFF_SECONDS", (0.01, 0.02, 0.03))

    def bring_up(running, _logs):
        running.launch(python("cat", lives(tmp_path), settle_seconds=0))
        for life in range(1, 6):
            pid = pid_of(tmp_path, life)
            wait_until(lambda life=life: "".join(said).count("ready") == life, "it is ready")
            if life == 5:  # this one has lived for long enough
                monkeypatch.setattr(part_supervisor, "STABLE_SECONDS", 0.0)
            os.kill(pid, signal.SIGKILL)
        pid_of(tmp_path, 6)
        os.kill(os.getpid(), signal.SIGTERM)

    _, console = run(bring_up)
    pauses = re.findall(r"restarted in ([\d.]+) s", console)
    assert pauses == ["0.01", "0.02", "0.03", "0.03", "0.01"]


def test_ctrl_c_while_a_part_waits_to_be_started_again_ends_at_once(run, said, tmp_path, monkeypatch):
    monkeypatch.setattr(part_supervisor, "BACKOFF_SECONDS", (1000.0,))

    def bring_up(running, _logs):
        part = python("cat", lives(tmp_path), settle_seconds=0)
        other = python("other", "import signal; signal.pause()", settle_seconds=0)
        running.launch(other)
        running.launch(part)
        running.wait_for(other, part)
        os.kill(pid_of(tmp_path, 1), signal.SIGKILL)
        wait_until(lambda: "restarted in 1000 s" in "".join(said), "it waits")
        os.kill(os.getpid(), signal.SIGINT)

    code, console = run(bring_up)
    assert code == 0
    assert not (tmp_path / "life2").exists()
    assert "other     stopped after" in console


def test_a_part_that_is_killed_while_the_others_stop_stays_ended(run, said, tmp_path, monkeypatch, quick):
    monkeypatch.setattr(part_supervisor, "HURRY_SECONDS", 0.1)

    def bring_up(running, logs):
        part = python("cat", lives(tmp_path), settle_seconds=0)
        mule = python("mule", STUBBORN, is_ready=lambda: logs.tail("mule") == ["up"], stop_seconds=1000)
        running.launch(part)
        running.launch(mule)
        running.wait_for(part, mule)
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(lambda: "Stopping" in "".join(said), "the mule is waited for")
        os.kill(pid_of(tmp_path, 1), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGINT)

    code, _ = run(bring_up)
    assert code == 0
    assert not (tmp_path / "life2").exists()


def test_while_a_part_is_away_what_stands_in_for_it_is_run(run, tmp_path, monkeypatch):
    monkeypatch.setattr(part_supervisor, "BACKOFF_SECONDS", (1000.0,))
    stood_in = tmp_path / "stood in"

    def bring_up(running, _logs):
        stand_in = [sys.executable, "-c", f"open({str(stood_in)!r}, 'a').write('x')"]
        part = python("cat", lives(tmp_path), settle_seconds=0, substitute=stand_in, substitute_seconds=0.01)
        running.launch(part)
        running.wait_for(part)
        assert not stood_in.exists()
        os.kill(pid_of(tmp_path, 1), signal.SIGKILL)
        wait_until(lambda: stood_in.exists() and len(stood_in.read_text()) > 1, "it is done, and done again")
        os.kill(os.getpid(), signal.SIGINT)

    code, _ = run(bring_up)
    assert code == 0


def test_each_start_of_the_site_keeps_the_log_of_the_one_before(run, tmp_path, quick):
    for word in ("first", "second"):
        run(lambda running, _logs, word=word: running.launch(python("part", f"print('{word}')", settle_seconds=60)))
    assert set((tmp_path / "log" / "part.log").read_text().split()) == {"second"}
    assert set((tmp_path / "log" / "part.log.1").read_text().split()) == {"first"}


def test_a_part_that_was_about_to_start_when_everything_stops_is_not_started(tmp_path, said):
    """Ctrl-C can come between the end of a pause and the start; `stop` has then found nothing to end."""
    stopping = threading.Event()
    part = python("cat", lives(tmp_path), settle_seconds=0, before_start=stopping.set)
    logs = Logs(tmp_path / "log")
    keeping = part_supervisor.PartSupervisor(part, logs, said.append, stopping, lambda _: None)
    keeping.start()
    keeping.join(20)
    is_running = keeping.is_alive()
    if is_running:
        keeping.stop(stopping)  # else the test would not end, either
    logs.close()
    assert not is_running
    assert not (tmp_path / "life1").exists()
