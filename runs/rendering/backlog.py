"""The backlog of final answers without HTML.

The transaction that ends an answer makes its HTML due (`html_due` in `chatapp.chats.actions`). The worker that ended it
renders it right away, outside the task. Periodic maintenance finds the others: answers ended by a web process or by the
reaper, those a killed worker was rendering, and old ones. Each attempt is counted before it begins:

1. Claim: count the attempt and move the due time RETRY_SECONDS ahead, in one conditional UPDATE. The loser of a race
   does nothing.
2. Render, outside any transaction. If the renderer is killed over a text, render it once more without highlighting.
3. Store the HTML if the answer has not changed meanwhile. It is no longer due then, even if the renderer was killed
   twice: such an answer stays plain text and is not tried again.

Remaining failure: the worker dies between 1 and 3. Then the HTML is due again, up to MAX_ATTEMPTS in all.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.db import close_old_connections, connection
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from chatapp.chats.actions import FINAL
from chatapp.chats.models import Message, Role
from chatapp.chats.plain_text import SHOWN_CHARACTERS
from runs.models import Run
from runs.rendering.fair_queue import AnswerKey, FairQueue
from runs.rendering.renderer import Renderer, RendererKilled

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_ATTEMPTS = 3  # for one answer
RETRY_SECONDS = 90  # s until a claimed answer is due again: longer than two renderings may take
BATCH_ANSWERS = 50  # queued in a process at once; it renders more than that between two calls
PAUSE_SECONDS = 1.0  # s after a failure, which may be the database's
IDLE_SECONDS = 300.0  # s without work until the renderer is closed: it holds 40 MB
NEW, OLD = 0, 1  # priorities: answers that have just ended come first


def due_answers() -> list[UUID]:
    """Ids of answers to render now, those that ended last first; at most BATCH_ANSWERS."""
    return list(_due().order_by("-html_due_at").values_list("pk", flat=True)[:BATCH_ANSWERS])


def _due() -> QuerySet[Message]:
    return Message.objects.filter(html_due_at__lte=Now(), role=Role.ASSISTANT, state__in=FINAL)


def render_answer(renderer: Renderer, **answer: UUID) -> Message | None:
    """Render one answer (`pk=`, or `runs=` one of its runs) and store the HTML, if it is due. Returns it if it was.

    Raises OSError if no renderer can be started; the answer is due again later.
    """
    message = _with_connection(_claim, answer)
    if message is not None:
        _with_connection(_store, message, _render(message, renderer))
    return message


def _claim(answer: dict[str, UUID]) -> Message | None:
    answers = _due().filter(**answer).select_related("session")
    message = answers.only("content", "state", "html_tries", "session__owner").first()
    if message is None:
        return None
    own = _due().filter(pk=message.pk, html_tries=message.html_tries)
    if message.html_tries >= MAX_ATTEMPTS:
        logger.warning("message %s was rendered %d times without success; it stays plain", message.pk, MAX_ATTEMPTS)
        own.update(html="", html_due_at=None)
        return None
    again = Now() + timedelta(seconds=RETRY_SECONDS)
    return message if own.update(html_tries=F("html_tries") + 1, html_due_at=again) else None


def _store(message: Message, html: str) -> None:
    same = Message.objects.filter(pk=message.pk, state=message.state, content=message.content)
    same.update(html=html, html_due_at=None)


def _with_connection(function: Callable[..., T], *args: object) -> T:
    """Return a pooled connection while the renderer works. Keep any other: opening one takes 3 ms."""
    try:
        return function(*args)
    finally:
        if connection.settings_dict["OPTIONS"].get("pool"):
            close_old_connections()


def _render(message: Message, renderer: Renderer) -> str:
    text = message.content[:SHOWN_CHARACTERS]  # `render` marks what is unsafe in it
    for highlights in (True, False):
        try:
            return renderer.render(text, highlights)
        except RendererKilled:
            with_or_without = "with" if highlights else "without"
            logger.warning("rendering message %s %s highlighting took too much", message.pk, with_or_without)
    return ""


class RenderThread:
    """A thread (on gevent a greenlet) that renders this process's answers one by one, and its bounded queue."""

    def __init__(self) -> None:
        self._queue = FairQueue(_find_owners)
        self._renderer = Renderer()
        threading.Thread(target=self._work, name="rendering", daemon=True).start()

    def put(self, priority: int, answer: AnswerKey) -> None:
        """Queue an answer; never blocks. If the queue is full, periodic maintenance finds the answer later."""
        if not self._queue.put(priority, answer):
            logger.info("too many answers wait to be rendered; this one is rendered later")

    def _work(self) -> None:
        while True:
            try:
                answer = self._queue.get(IDLE_SECONDS)
                if answer is not None:
                    self._render(answer)
                    continue
                self._renderer.close()
            except Exception:  # no database, or no renderer: due again later
                logger.exception("an answer could not be rendered")
                time.sleep(PAUSE_SECONDS)
            connection.close()

    def _render(self, answer: AnswerKey) -> None:
        began = time.monotonic()
        message = render_answer(self._renderer, **dict([answer]))
        if message is not None:
            self._queue.charge(message.session.owner_id, time.monotonic() - began)


def _find_owners(answers: Iterable[AnswerKey]) -> dict[AnswerKey, int]:
    """The users of answers, in two queries."""
    owners: dict[AnswerKey, int] = {}
    for name, rows in (("pk", Message.objects), ("runs", Run.objects)):
        of_answers = rows.filter(pk__in=[pk for kind, pk in answers if kind == name])
        owners |= {(name, pk): owner for pk, owner in of_answers.values_list("pk", "session__owner")}
    return owners


_thread: RenderThread | None = None


def start_render_thread() -> None:
    """Call it once in each worker process, after the fork."""
    global _thread
    _thread = RenderThread()


def render_soon(run_id: UUID, **kwargs: object) -> None:
    """Queue the answer of a run that has just ended. Workers connect it to the signal `ended`."""
    if _thread is not None:
        _thread.put(NEW, ("runs", run_id))


def queue_due() -> int:
    """Queue answers that are due. Returns how many there are."""
    answers = due_answers()
    if _thread is not None:
        for pk in answers:
            _thread.put(OLD, ("pk", pk))
    return len(answers)
