"""Final answers are rendered after their end, in a process that can be killed; what takes too much stays plain."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from chatapp.chats.models import Message
from runs.lifecycle import transitions
from runs.rendering import backlog
from runs.rendering.renderer import Renderer, RendererKilled
from streams.events import Kind
from streams.log import store
from tests.harness.rendering import make_html, renderer

HOSTILE = "```mcschema\n<!--\n```"


@pytest.fixture
def answer(send, claim):
    """`answer("text")`: a message whose run has ended."""

    def answer_(text: str, end=transitions.complete, *how) -> Message:
        run = claim(send())
        store.append(run.id, (Kind.TEXT, {"text": text}))
        end(run.id, *(how or ("stop",)))
        return Message.objects.get(pk=run.message_id)

    return answer_


class Broken(Renderer):
    """A renderer whose process is killed over each text. It keeps the arguments of the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[bool] = []

    def render(self, text: str, highlights: bool = True) -> str:
        self.asked.append(highlights)
        raise RendererKilled


def lapse(message: Message) -> None:
    """As if RETRY_SECONDS had passed."""
    Message.objects.filter(pk=message.pk).update(html_due_at=Now() - timedelta(seconds=1))


def test_an_end_makes_html_due_and_it_is_made_once(answer):  # B85
    message = answer("Some **bold** text")
    assert backlog.due_answers() == [message.pk]
    assert make_html() == 1
    message.refresh_from_db()
    assert message.html == "<p>Some <strong>bold</strong> text</p>\n"
    assert message.html_due_at is None
    assert make_html() == 0


@pytest.mark.parametrize("end", [transitions.stop, transitions.interrupt])
def test_what_was_not_ended_well_gets_html_too(send, claim, end):
    run = claim(send())
    store.append(run.id, (Kind.TEXT, {"text": "*Half* of"}))
    end(run.id)
    assert make_html() == 1
    assert Message.objects.get(pk=run.message_id).html == "<p><em>Half</em> of</p>\n"


def test_html_is_made_of_the_text_as_it_was_written(answer):
    message = answer("- \u2067مرحبا\u2069")
    make_html()
    assert "<li>\u2067مرحبا\u2069</li>" in Message.objects.get(pk=message.pk).html


def test_an_answer_without_text_is_not_due(send):
    run = send()
    transitions.stop(run.id)
    assert backlog.due_answers() == []


def test_a_language_whose_lexer_never_ends_is_not_highlighted(answer):  # B85
    message = answer(HOSTILE)
    make_html()
    message.refresh_from_db()
    assert "<code>&lt;!--\n</code>" in message.html


def test_a_text_over_which_the_renderer_is_killed_stays_plain_and_is_never_tried_again(answer):  # B85
    message, broken = answer("Too much"), Broken()
    assert backlog.render_answer(broken, pk=message.pk)
    assert broken.asked == [True, False]  # the second time without highlighting
    message.refresh_from_db()
    assert (message.html, message.html_due_at) == ("", None)
    assert backlog.due_answers() == []
    assert not backlog.render_answer(broken, pk=message.pk)
    assert broken.asked == [True, False]


def test_a_worker_that_is_killed_while_html_is_made_leaves_it_due_but_not_without_end(answer):  # B85
    message = answer("As ever")

    class Dying(Renderer):
        def render(self, text: str, highlights: bool = True) -> str:
            raise SystemExit  # nothing after the claim is done

    for _ in range(backlog.MAX_ATTEMPTS):
        with pytest.raises(SystemExit):
            backlog.render_answer(Dying(), pk=message.pk)
        assert backlog.due_answers() == []  # not at once: another worker may be at it
        lapse(message)
        assert backlog.due_answers() == [message.pk]
    assert make_html() == 0
    message.refresh_from_db()
    assert (message.html, message.html_due_at) == ("", None)


def test_a_killed_worker_s_answer_gets_its_html_from_the_next(answer):
    message = answer("As ever")
    Message.objects.filter(pk=message.pk).update(html_tries=backlog.MAX_ATTEMPTS - 1)
    make_html()
    message.refresh_from_db()
    assert message.html == "<p>As ever</p>\n"


def test_two_workers_do_not_make_the_same_html(answer):
    message = answer("Once")

    class Slow(Renderer):
        def render(self, text: str, highlights: bool = True) -> str:
            assert make_html() == 0  # the other one finds nothing to do
            return "<p>mine</p>"

    assert backlog.render_answer(Slow(), pk=message.pk)
    message.refresh_from_db()
    assert message.html == "<p>mine</p>"


def test_an_answer_that_grows_meanwhile_does_not_get_the_html_of_what_it_was(answer):
    message = answer("First half")

    class Slow(Renderer):
        def render(self, text: str, highlights: bool = True) -> str:
            Message.objects.filter(pk=message.pk).update(content="First half, second half")
            return "<p>First half</p>"

    backlog.render_answer(Slow(), pk=message.pk)
    message.refresh_from_db()
    assert message.html == ""
    assert message.html_due_at is not None


def test_an_answer_that_was_continued_is_due_again(answer, claim, alice):
    from runs.actions import continue_answer

    message = answer("First half", transitions.interrupt, transitions.LostReason.LEASE)
    make_html()
    run = claim(continue_answer(message, user=alice))
    assert backlog.due_answers() == []
    store.append(run.id, (Kind.TEXT, {"text": ", second half"}))
    transitions.complete(run.id, "stop")
    assert backlog.due_answers() == [message.pk]
    make_html()
    message.refresh_from_db()
    assert message.html == "<p>First half, second half</p>\n"


def test_answers_from_before_become_due_if_their_html_is_missing_or_may_do_harm(answer, send):
    none, linked, long, well = answer("One"), answer("[two](/settings)"), answer("x " * 9_000), answer("Three")
    Message.objects.update(html_due_at=None)
    Message.objects.filter(pk=linked.pk).update(html='<p><a href="/settings">two</a></p>')
    Message.objects.filter(pk=long.pk).update(html=f"<p>{long.content}</p>")
    Message.objects.filter(pk=well.pk).update(html="<p>Three</p>")
    send()  # a question, and an answer that waits
    migration = import_module("chatapp.chats.migrations.0010_old_html")
    migration.make_due(apps, SimpleNamespace(connection=connection))
    assert set(backlog.due_answers()) == {none.pk, linked.pk, long.pk}
    make_html()
    linked.refresh_from_db()
    assert linked.html == '<p><a rel="noopener noreferrer nofollow">two</a></p>\n'


def test_what_is_due_is_found_by_its_index(answer, db):
    answer("One")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # there is little to look through here
    assert "message_html_due" in backlog._due().order_by("-html_due_at").values("pk").explain()


def test_a_renderer_that_was_killed_is_started_anew():
    renderer.render("one")
    killed = renderer.pid
    os.kill(killed, signal.SIGKILL)
    os.waitid(os.P_PID, killed, os.WEXITED | os.WNOWAIT)
    assert renderer.render("two") == "<p>two</p>\n"
    assert renderer.pid != killed
    with pytest.raises(ChildProcessError):  # no zombie is left
        os.waitid(os.P_PID, killed, os.WEXITED | os.WNOHANG)


def test_a_text_that_takes_too_long_ends_the_renderer():  # B85
    impatient = Renderer(seconds=0.001)
    with pytest.raises(RendererKilled):
        impatient.render("[" * 100_000)
    assert impatient.pid is None


def test_the_renderer_knows_no_secret_and_ends_with_its_worker(tmp_path):
    renderer.render("one")
    with open(f"/proc/{renderer.pid}/environ") as environ:
        assert "SECRET" not in environ.read()
    pid = renderer.pid
    with open(f"/proc/{pid}/limits") as limits:
        assert "Max cpu time              unlimited" not in limits.read()
    renderer._channel.close()  # as the kernel does when the worker is killed
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    renderer._channel = None
    renderer._unreaped.clear()


def test_on_gevent_texts_longer_than_a_socket_holds_come_and_go_through_one_process():
    """gevent made the socket non-blocking, also at its other end, whose process took that for an end of file."""
    script = (
        "from gevent import monkey; monkey.patch_all()\n"
        "from runs.rendering.renderer import Renderer\n"
        "renderer = Renderer()\n"
        "pids = []\n"
        "for text in ('short', 'x' * 299_000, 'a paragraph\\n\\n' * 20_000, 'short'):\n"
        "    html = renderer.render(text)\n"
        "    assert len(html) > len(text), len(html)\n"
        "    pids.append(renderer.pid)\n"
        "renderer.close()\n"
        "print(*pids)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(settings.BASE_DIR)}
    ended = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    pids = ended.stdout.split()
    assert len(pids) == 4
    assert len(set(pids)) == 1


def test_a_worker_of_any_size_keeps_its_renderer():
    """A process starts with the peak of the one that spawned it: next to a large worker each text got a new process."""
    script = (
        "from runs.rendering.renderer import Renderer\n"
        "large = bytearray(400 * 1024 * 1024)\n"
        "large[::4096] = b'x' * len(large[::4096])\n"
        "renderer = Renderer()\n"
        "pids = [renderer.render('one') and renderer.pid for _ in range(2)]\n"
        "renderer.close()\n"
        "print(*pids)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(settings.BASE_DIR)}
    ended = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)
    pids = ended.stdout.split()
    assert len(pids) == 2, ended.stderr
    assert pids[0] == pids[1] != "None"
