"""Real workers render answers after their end, whatever a text does to the renderer."""

import os
import signal
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now

from chatapp.chats.models import Message
from runs.models import Run
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.processes import Part
from tests.harness.upstream import prompt

DEGENERATE = ["```mcschema\n<!--\n```\n\n", "```c\n", "\n" * 30_000, "```\n\nand `so` on"]


def settled(run: Run) -> Message:
    """The message, once its HTML is not due any more."""
    made = Message.objects.filter(pk=run.message_id, html_due_at=None)
    return wait_until(made.all().first, "no HTML is due", patience=60)


def claimed(run: Run) -> None:
    wait_until(Message.objects.filter(pk=run.message_id, html_tries=1).exists, "a worker has begun with it")


def renderers(worker: Part) -> list[int]:
    """The renderers among a worker's descendants."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"runs.rendering" in (path / "cmdline").read_bytes() and _descends(int(path.name), worker.pid):
                found.append(int(path.name))
    return found


def _descends(pid: int, ancestor: int) -> bool:
    while pid > 1 and pid != ancestor:
        pid = int(_stat(pid)[1])
    return pid == ancestor


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat, from the state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def is_gone(pid: int) -> bool:
    try:
        return _stat(pid)[0] in "ZX"
    except OSError:
        return True


def test_an_answer_is_html_soon_after_its_end(each_stack):
    alice = each_stack.person("alice")
    run = check(alice.send(prompt(text=["Some **bold** ", "text"])))
    assert settled(run).html == "<p>Some <strong>bold</strong> text</p>\n"
    assert b"Some <strong>bold</strong> text" in alice.page("GET", f"/chats/{run.session_id}").body


def test_what_a_degenerate_model_writes_holds_nobody_up(each_stack):  # B85
    alice = each_stack.person("alice")
    run = check(alice.send(prompt(text=DEGENERATE)))
    page = alice.page("GET", f"/chats/{run.session_id}").body
    assert b"&lt;!--" in page
    html = settled(run).html
    assert "<code>&lt;!--\n</code>" in html
    assert "and <code>so</code> on" in html  # the rest of it is as ever
    for pid in renderers(each_stack.worker):
        wait_until(lambda pid=pid: is_gone(pid) or _stat(pid)[0] == "S", "it rests")


def test_a_renderer_that_is_killed_is_replaced(start_worker):  # B85
    stack = start_worker("gevent")
    alice = stack.person("alice")
    settled(check(alice.send(prompt(text=["one"]))))
    [renderer] = renderers(stack.worker)
    os.kill(renderer, signal.SIGSTOP)
    run = check(alice.send(prompt(text=["```python\nx = 1\n```"])))
    claimed(run)
    os.kill(renderer, signal.SIGKILL)
    assert "<code>" in settled(run).html  # with colours, if it was killed before the text was with it
    wait_until(lambda: not Path(f"/proc/{renderer}").exists(), "it is reaped")
    run = check(alice.send(prompt(text=["```python\nx = 1\n```"])))
    assert '<span class="hl-n">x</span>' in settled(run).html


@pytest.mark.parametrize("pool", ["gevent", "prefork"])
def test_a_worker_that_is_killed_while_html_is_made_leaves_no_process_and_no_plain_answer(make_stack, pool):  # B85
    stack = make_stack(pool=pool, worker_options=("--concurrency", "1"))
    alice = stack.person("alice")
    settled(check(alice.send(prompt(text=["one"]))))
    pids = renderers(stack.worker)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    run = check(alice.send(prompt(text=["Some **bold** text"])))
    claimed(run)
    pids = {*pids, *renderers(stack.worker)}
    stack.worker.kill()
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda pid=pid: is_gone(pid), "the renderer has ended with its worker")
    assert b"Some **bold** text" in alice.page("GET", f"/chats/{run.session_id}").body

    # Beat and the next worker should make it, when it is due again
    Message.objects.filter(pk=run.message_id).update(html_due_at=Now() - timedelta(seconds=1))
    stack.start_part(stack.worker)
    assert settled(run).html == "<p>Some <strong>bold</strong> text</p>\n"


def test_answers_from_before_get_their_html_without_anybody_looking(make_stack):
    stack = make_stack(start=("valkey", "worker", "web"))
    alice = stack.person("alice")
    run = check(alice.send(prompt(text=["Some **bold** text"])))
    settled(run)
    long_ago = Now() - timedelta(days=400)
    Message.objects.filter(pk=run.message_id).update(html="", html_due_at=long_ago)  # as the migration leaves it
    stack.start_part(stack.beat)
    assert settled(run).html == "<p>Some <strong>bold</strong> text</p>\n"
