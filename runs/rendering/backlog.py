"""Which final answers want HTML, and what becomes of those that get none.

An answer's end makes its HTML due (`html_due` in `chatapp.chats.actions`), in the same transaction. The worker that
ended it is told and makes it right away, beside the task; what a web process or the reaper ended, what a killed worker
was at, and what is older than all this, is found by upkeep. Each try is counted before it begins:

1. Claim: one try more, and not due again for AGAIN_SECONDS, in one conditional UPDATE. The loser does nothing.
2. Make it, outside of any transaction; a text over which the renderer is killed gets one more without highlighting.
3. Keep it, if the answer is still what was made into HTML. Nothing is due any more, also if both were killed: such an
   answer stays the plain text it is, and is not tried again.

What can still go wrong: the worker dies between 1 and 3. Then it is due again, MAX_TRIES times in all.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import close_old_connections, connection
from django.db.models import F
from django.db.models.functions import Now

from chatapp.chats.actions import FINAL
from chatapp.chats.models import Message, Role
from chatapp.chats.plain import shown_text
from runs.models import Run
from runs.rendering.fair_queue import Answer, Turns
from runs.rendering.renderer import Killed, Renderer

logger = logging.getLogger(__name__)

MAX_TRIES = 3  # begun for one answer
AGAIN_SECONDS = 90  # s until a claimed one is due again: longer than two texts may take
UPKEEP_ANSWERS = 50  # given to a process at once; less than it makes until it is asked again
PAUSE_SECONDS = 1.0  # s after a failure, which may be of the database: what waits is tried again then
IDLE_SECONDS = 300.0  # s without work until the renderer is ended: it holds 40 MB
AT_ONCE, LATER = 0, 1  # which come first


def due() -> list[UUID]:
    """Some answers whose HTML is to be made now: what has ended last comes first, what is old in its turn."""
    return list(_due().order_by("-html_due_at").values_list("pk", flat=True)[:UPKEEP_ANSWERS])


def _due():
    return Message.objects.filter(html_due_at__lte=Now(), role=Role.ASSISTANT, state__in=FINAL)


def make(renderer: Renderer, **answer: UUID) -> Message | None:
    """Make and keep the HTML of one answer (`pk=`, or `runs=` one of its runs), if it is due. Returns it if it was.

    Raises OSError if there is no renderer to be had; it is due again later.
    """
    message = _with_connection(_claim, answer)
    if message is not None:
        _with_connection(_keep, message, _html_of(message, renderer))
    return message


def _claim(answer: dict[str, UUID]) -> Message | None:
    found = _due().filter(**answer).select_related("session")
    message = found.only("content", "state", "html_tries", "session__owner").first()
    if message is None:
        return None
    own = _due().filter(pk=message.pk, html_tries=message.html_tries)
    if message.html_tries >= MAX_TRIES:
        logger.warning("the HTML of message %s was begun %d times; it stays plain", message.pk, MAX_TRIES)
        own.update(html="", html_due_at=None)
        return None
    again = Now() + timedelta(seconds=AGAIN_SECONDS)
    return message if own.update(html_tries=F("html_tries") + 1, html_due_at=again) else None


def _keep(message: Message, html: str) -> None:
    same = Message.objects.filter(pk=message.pk, state=message.state, content=message.content)
    same.update(html=html, html_due_at=None)


def _with_connection(function: Callable, *args: object) -> Any:
    """A connection of a pool is not kept while the renderer is waited for; any other is: to open one takes 3 ms."""
    try:
        return function(*args)
    finally:
        if connection.settings_dict["OPTIONS"].get("pool"):
            close_old_connections()


def _html_of(message: Message, renderer: Renderer) -> str:
    text = shown_text(message.content)
    for highlights in (True, False):
        try:
            return renderer.render(text, highlights)
        except Killed:
            what = "with its code highlighted" if highlights else "at all"
            logger.warning("the text of message %s is too much to be rendered %s", message.pk, what)
    return ""


class Desk:
    """This process's work on HTML: one thread (greenlet) that makes one after the other, and a bounded queue."""

    def __init__(self) -> None:
        self._turns = Turns(_owners_of)
        self._renderer = Renderer()
        threading.Thread(target=self._work, name="rendering", daemon=True).start()

    def put(self, rank: int, answer: Answer) -> None:
        """Nothing here waits. What finds no place is upkeep's."""
        if not self._turns.put(rank, answer):
            logger.info("too many answers wait for their HTML; upkeep will find this one")

    def _work(self) -> None:
        while True:
            try:
                answer = self._turns.take(IDLE_SECONDS)
                if answer is not None:
                    self._make(answer)
                    continue
                self._renderer.close()
            except Exception:  # no database, no process: due again later
                logger.exception("the HTML of an answer could not be made")
                time.sleep(PAUSE_SECONDS)
            connection.close()

    def _make(self, answer: Answer) -> None:
        began = time.monotonic()
        message = make(self._renderer, **dict([answer]))
        if message is not None:
            self._turns.charge(message.session.owner_id, time.monotonic() - began)


def _owners_of(answers: Iterable[Answer]) -> dict[Answer, int]:
    """Whose answers these are, in two queries."""
    owners = {}
    for name, rows in (("pk", Message.objects), ("runs", Run.objects)):
        wanted = rows.filter(pk__in=[pk for kind, pk in answers if kind == name])
        owners |= {(name, pk): owner for pk, owner in wanted.values_list("pk", "session__owner")}
    return owners


_desk: Desk | None = None


def open_desk() -> None:
    """Once in each worker process, after the fork."""
    global _desk
    _desk = Desk()


def make_soon(run_id: UUID, **kwargs: object) -> None:
    """Make the HTML of the answer that this run has just ended. A receiver of `ended`, in workers."""
    if _desk is not None:
        _desk.put(AT_ONCE, ("runs", run_id))


def make_due() -> int:
    """Begin with what is due. Returns how much that is."""
    answers = due()
    for pk in answers if _desk is not None else ():
        _desk.put(LATER, ("pk", pk))
    return len(answers)
