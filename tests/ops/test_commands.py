"""The commands of the terminal: ask, follow, token, invite."""

import io
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from chatapp.chats.models import Session
from runs.models import Run
from tests.harness.check import check
from tests.harness.facts import PATIENCE_SECONDS, wait_until
from tests.harness.processes import ROOT, inherited
from tests.harness.upstream import prompt, spoken


def manage(*words):
    """What the command says: (to stdout, to stderr)."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


# -- ask and follow, with a real worker -----------------------------------------------------------


def run_about(text):
    return Run.objects.get(message__parent__content=text)


@contextmanager
def running(stack, *words):
    """A command in a process of its own, which does not outlive the test."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(stack.manage_argv(*words), cwd=ROOT, env=stack.env, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def output_of(process) -> tuple[str, str]:
    """What it still writes until it ends: (to stdout, to stderr)."""
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return out.decode(), err.decode()


def test_ask_prints_the_answer_and_keeps_it(stack):
    owner = stack.person("alice")
    question = prompt(tokens=5)
    done = stack.manage("ask", question, "--user", str(owner))
    assert (done.stdout, done.stderr) == (spoken(5) + "\n", "")
    run = check(run_about(question))
    assert (run.trigger, run.status, run.session.owner) == ("terminal", "completed", owner.user)


def test_ctrl_c_leaves_the_run_goes_on_and_follow_comes_back(stack):  # B7
    owner = stack.person("alice")
    question = prompt(tokens=6, hold=[3])
    with running(stack, "ask", question, "--user", str(owner)) as asking:
        assert asking.stdout.read(len(spoken(3))).decode() == spoken(3)
        asking.send_signal(signal.SIGINT)
        _, complaint = output_of(asking)
    run = run_about(question)
    assert f"manage.py follow {run.pk}" in complaint
    assert asking.returncode == 130
    assert run.status == "running"
    # It should print everything from the beginning, and what comes while it is there.
    with running(stack, "follow", str(run.pk)) as following:
        assert following.stdout.read(len(spoken(3))).decode() == spoken(3)
        stack.upstream.release(question.tag)
        assert output_of(following) == (spoken(6)[len(spoken(3)) :] + "\n", "")
    assert following.returncode == 0
    assert check(run).status == "completed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_that_closes_leaves_and_the_run_goes_on(stack, number):  # B7
    alice = stack.person("alice")
    run = alice.send(prompt(tokens=3, stall_after=1))
    with ExitStack() as until_here:
        with inherited(number, signal.SIG_DFL):
            following = until_here.enter_context(running(stack, "follow", str(run.pk)))
        assert following.stdout.read(len(spoken(1))).decode() == spoken(1)
        following.send_signal(number)
        assert f"manage.py follow {run.pk}" in output_of(following)[1]
    assert following.returncode == 128 + number
    run.refresh_from_db()
    assert run.status == "running"
    alice.stop(run)
    check(run)


def test_what_nohup_started_stays_when_the_terminal_closes(stack):
    alice = stack.person("alice")
    question = prompt(tokens=3, hold=[1])
    run = alice.send(question)
    with ExitStack() as until_here:
        with inherited(signal.SIGHUP, signal.SIG_IGN):
            following = until_here.enter_context(running(stack, "follow", str(run.pk)))
        assert following.stdout.read(len(spoken(1))).decode() == spoken(1)
        following.send_signal(signal.SIGHUP)
        stack.upstream.release(question.tag)
        output_of(following)
    assert following.returncode == 0
    assert check(run).status == "completed"


def test_follow_after_an_event_prints_the_rest_of_a_run_that_has_ended(stack):
    alice = stack.person("alice")
    question = prompt(tokens=4, hold=[2])
    run = alice.send(question)
    known = alice.follow(run).wait_for_text(spoken(2))
    after = known.last_seq
    stack.upstream.release(question.tag)
    run = check(run, known)
    assert stack.manage("follow", str(run.pk), "--after", str(after)).stdout == spoken(4)[len(spoken(2)) :] + "\n"
    assert stack.manage("follow", str(run.pk), "--after", str(run.last_seq)).stdout == ""


def test_a_failure_is_told_on_stderr_after_what_was_written(stack):
    owner = stack.person("alice")
    done = stack.manage("ask", prompt(tokens=9, close_after=2), "--user", str(owner), check=False)
    assert (done.returncode, done.stdout) == (1, spoken(2) + "\n")
    assert "(upstream_interrupted)" in done.stderr


def test_following_a_run_that_was_stopped_says_so(stack):
    alice = stack.person("alice")
    run = alice.send(prompt(tokens=9, stall_after=2))
    alice.follow(run).wait_for_text(spoken(2))
    alice.stop(run)
    check(run)
    done = stack.manage("follow", str(run.pk), check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, spoken(2) + "\n", "Stopped (user).\n")


def test_a_terminal_is_not_obeyed_by_a_model():  # B58
    from django.core.management.base import OutputWrapper

    from chatapp.ops.run_printer import _Screen

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for screen, shown in ((Terminal(), "a[2Jb\tc\nd"), (io.StringIO(), "a\x1b[2Jb\tc\nd\x07\x9b")):
        page = _Screen(OutputWrapper(screen))
        page.apply({"kind": "text.delta", "data": {"text": "a\x1b[2Jb\tc\nd\x07\x9b"}})
        assert screen.getvalue() == shown


def test_a_snapshot_adds_what_is_not_on_the_screen_yet():  # B30
    from django.core.management.base import OutputWrapper

    from chatapp.ops.run_printer import _Screen

    screen = io.StringIO()
    page = _Screen(OutputWrapper(screen))
    page.apply({"kind": "text.delta", "data": {"text": "Hello"}})
    page.apply({"kind": "snapshot", "data": {"text": "Hello, world", "reasoning": "", "tools": []}})
    page.end()
    assert screen.getvalue() == "Hello, world\n"


# -- ask and follow, refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code"), [([" "], "prompt_empty"), (["hi"], "model_missing"), (["hi", "--model", "x"], "model_unknown")]
)
def test_ask_refuses_with_the_code_and_leaves_no_empty_session(charlie, words, code):
    with pytest.raises(CommandError, match=rf"\({code}\)"):
        manage("ask", *words)
    assert not Session.objects.exists()


def test_ask_needs_a_user_where_it_cannot_know(alice):
    with pytest.raises(CommandError, match=r"no superuser: .* --user NAME"):
        manage("ask", "hi")
    with pytest.raises(CommandError, match="no active user 'dave'"):
        manage("ask", "hi", "--user", "dave")


@pytest.mark.django_db(transaction=True)
def test_ask_says_that_the_broker_is_down_and_keeps_the_message(charlie):  # nobody listens at REDIS_URL
    manage("add_provider", "wren", "--base-url", "http://127.0.0.1:9/v1", "--model", "wren")
    with pytest.raises(CommandError, match=r"\(broker_unavailable\)"):
        manage("ask", "hello")
    assert run_about("hello").status == "failed"


@pytest.mark.parametrize("run", ["x", "00000000-0000-4000-8000-000000000000"])
def test_follow_says_that_there_is_no_such_run(db, run):
    with pytest.raises(CommandError, match="There is no run"):
        manage("follow", run)


# -- token ----------------------------------------------------------------------------------------


def test_a_token_opens_the_api_and_only_its_hash_is_kept(alice):
    out, err = manage("token", "alice")
    token = out.strip()
    assert "only once" in err
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert client.post("/api/v1/sessions", "{}", content_type="application/json").status_code == 201
    assert token not in str(list(alice.auth_token_set.values()))
    kept = alice.auth_token_set.get()
    assert (kept.name, kept.scope) == ("made with manage.py", "write")
    assert (kept.expiry - kept.created).days in (89, 90)


def test_a_token_has_the_end_and_the_scope_that_were_asked_for(alice):
    manage("token", "alice", "--days", "30", "--read-only", "--name", "backup")
    kept = alice.auth_token_set.get()
    assert (kept.name, kept.scope) == ("backup", "read")
    assert (kept.expiry - kept.created).days in (29, 30)


def test_a_token_without_an_end_needs_a_setting(alice, settings):
    with pytest.raises(CommandError, match="must not exceed TOKEN_MAX_DAYS"):
        manage("token", "alice", "--days", "0")
    settings.TOKEN_MAX_DAYS = 0
    manage("token", "alice", "--days", "0")
    assert alice.auth_token_set.get().expiry is None


@pytest.mark.parametrize("words", [["dave"], ["alice", "--days", "-1"], ["alice", "--days", "99999999"]])
def test_a_token_is_refused_clearly(alice, words):
    with pytest.raises(CommandError, match=r"no active user|--days"):
        manage("token", *words)
    assert not alice.auth_token_set.exists()


def test_a_prompt_that_waits_for_a_worker_says_so(make_stack):
    stack = make_stack(("valkey",))
    with running(stack, "ask", "hello", "--user", str(stack.person("alice"))) as asking:
        assert b"Waiting for a worker" in asking.stderr.readline()
        asking.send_signal(signal.SIGINT)
        output_of(asking)
    assert wait_until(lambda: run_about("hello"), "the run is there").status == "queued"


# -- invite ---------------------------------------------------------------------------------------


def test_invite_prints_a_link_by_which_a_new_user_comes_in(db):
    link, said = manage("invite", "dora", "--site", "https://chat.example.org/")
    assert link.startswith("https://chat.example.org/invitation#")
    assert "An invitation for dora, valid for 7 days" in said
    page = Client().post("/invitation", {"token": link})
    assert "Welcome, dora" in page.text


@pytest.mark.parametrize("username", ["alice", "charlie", "no name"])
def test_invite_says_whom_it_cannot_invite(username, alice, charlie):
    with pytest.raises(CommandError):
        manage("invite", username)


def test_a_command_where_there_is_no_site_says_so_in_a_sentence(tmp_path):
    """It was forty lines of traceback: "no such table"."""
    env = {**os.environ, "DATA_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path / 'none.sqlite3'}"}
    ended = subprocess.run(
        [sys.executable, "manage.py", "login_link"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("There is no site here: its database has no tables")
    assert f"DATA_DIR={tmp_path}" in ended.stderr
    assert "Traceback" not in ended.stderr
