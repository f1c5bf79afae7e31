"""The users of an episode: they send, stop, read, leave and come back, whatever is broken at the moment."""

import copy
import http.client
import itertools
import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from django.db import DatabaseError, connection
from django.utils import timezone

from chatapp.chats.models import Session
from runs.lifecycle import attached, queue
from runs.models import Run
from runs.states import ACTIVE, Status
from tests.faults.parts import Town
from tests.faults.plan import SESSIONS, Leg, Plan, Send
from tests.harness.followers import Follower
from tests.harness.people import Person
from tests.harness.upstream import prompt

RECONNECT_SECONDS = 0.2  # s before a reader who was cut off comes back
SEND_TRIES = 6  # of one message, with the same key
JANITOR_SECONDS = 0.5  # s between looks for queues that are held after a Stop or a failure
UNREACHABLE = (OSError, http.client.HTTPException)


@dataclass
class Sent:
    """A message of the plan and its outcome."""

    plan: Send
    text: str
    tag: str
    session: str
    run_id: str | None = None
    status: int | None = None  # of the reply; None: there was none
    readers: list["Reader"] = field(default_factory=list)
    stop_replies: list[dict] = field(default_factory=list)


class Reader:
    """Follows one run in several legs, each from where the previous one ended."""

    def __init__(self, crowd: "Crowd", sent: Sent, legs: tuple[Leg, ...], joins: float):
        self.crowd, self.run_id, self.plan, self.joins = crowd, sent.run_id, legs, joins
        self.is_doomed = sent.session == crowd.deleted
        self.legs: list[Follower] = []
        self.position, self.is_told = 0, False

    def read(self) -> None:
        self.crowd.over.wait(self.joins)
        *early, last = self.plan
        for number, leg in enumerate(itertools.chain(early, itertools.repeat(last))):
            if self.crowd.over.is_set():
                return
            self._read_leg(leg, number)
            if self.is_told:
                return
            self.crowd.over.wait(RECONNECT_SECONDS)

    def _read_leg(self, leg: Leg, number: int) -> None:
        """Each next leg uses the other web process, in case one is down."""
        person = self.crowd.people[(leg.web + number) % len(self.crowd.people)]
        follow = {"sse": person.follow, "page": person.follow_page, "socket": person.follow_ws}[leg.wire]
        try:
            follower = follow(self.run_id, after=self.position)
        except (AssertionError, *UNREACHABLE):
            return
        self.legs.append(follower)
        while not follower.becomes(lambda f: f.ended or len(f.envelopes) >= leg.events or self._is_told(f), 0.5):
            if self.crowd.over.is_set():
                break
        follower.drop()
        self.position = max(self.position, follower.last_seq)
        self.is_told = self._is_told(follower)

    def _is_told(self, follower: Follower) -> bool:
        """Whether the final event arrived, or there is nothing left to follow."""
        is_refused = follower.status == 404 or any(word.kind == "refused" for word in list(follower.envelopes))
        return follower.final is not None or (self.is_doomed and is_refused)


class Crowd:
    """All traffic of one episode. `over` ends the readers."""

    def __init__(self, town: Town, plan: Plan):
        self.town = town
        alice = town.person("alice")
        assert alice.token and alice.cookies
        self.user = alice.user
        self.people = [_at(alice, url) for url in town.urls]
        everything = [str(Session.objects.create(owner=alice.user).pk) for _ in range(SESSIONS)]
        self.deletion, self.deleted = plan.deletion, everything[plan.deletion.session]
        self.sessions = [session for session in everything if session != self.deleted]
        self._everything = [self._prepare(send, everything[send.session]) for send in plan.sends]
        self.sent = [sent for sent in self._everything if sent.session != self.deleted]
        self.doomed = [sent for sent in self._everything if sent.session == self.deleted]
        self.over, self.quiet = threading.Event(), threading.Event()
        self.stops_asked: set[str] = set()
        self.releases: dict[str, list[datetime]] = defaultdict(list)  # of held queues, by session
        self._threads: list[threading.Thread] = []
        self._readers: list[threading.Thread] = []

    def _prepare(self, send: Send, session: str) -> Sent:
        text = prompt(**send.script)
        return Sent(send, text, text.tag, session)

    def begin(self) -> None:
        for sent in self._everything:
            self._spawn(self._threads, self._send, sent)
        self._spawn(self._threads, self._delete)
        self._spawn(self._readers, self._release_queues)

    def _spawn(self, threads: list[threading.Thread], work, *args) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        threads.append(thread)
        thread.start()

    def wait_for_replies(self) -> None:
        """Wait until all messages and stops were sent, and answered or given up."""
        for thread in list(self._threads):
            thread.join(60)

    def end(self) -> None:
        self.over.set()
        for thread in self._readers:
            thread.join(30)

    # -- sending and stopping --------------------------------------------------------------------

    def _send(self, sent: Sent) -> None:
        self.over.wait(sent.plan.at)
        for number in range(SEND_TRIES):
            if self._post(sent, self.people[(sent.plan.web + number) % len(self.people)]):
                break
            self.over.wait(RECONNECT_SECONDS)
        if sent.run_id is None:
            return
        if sent.plan.is_attached:
            self._attach(sent.run_id)
        for legs, joins in zip(sent.plan.readers, sent.plan.joins, strict=True):
            reader = Reader(self, sent, legs, joins)
            sent.readers.append(reader)
            self._spawn(self._readers, reader.read)
        self._stop(sent)

    def _post(self, sent: Sent, person: Person) -> bool:
        """Send it, always with the same key. Returns whether a conclusive response arrived."""
        body = {"text": sent.text, "when_busy": sent.plan.when_busy}
        try:
            reply = person.api("POST", f"/sessions/{sent.session}/messages", body, **{"Idempotency-Key": sent.tag})
            sent.status = reply.status
            if reply.status in (202, 503):
                sent.run_id = (reply.json().get("run") or {}).get("id")
        except (*UNREACHABLE, json.JSONDecodeError):
            return False
        return sent.run_id is not None or reply.status in (404, 409)

    def _attach(self, run_id: str) -> None:
        try:
            attached.attach(Run(pk=run_id))
        except DatabaseError:
            pass  # then it is detached, and nobody's leaving ends it
        finally:
            connection.close()

    def _delete(self) -> None:
        """Delete a session in the middle of the episode, and retry until it is gone."""
        self.over.wait(self.deletion.at)
        for person in itertools.cycle(self.people):
            try:
                if person.api("DELETE", f"/sessions/{self.deleted}").status in (204, 404):
                    return
            except UNREACHABLE:
                pass
            if self.over.wait(RECONNECT_SECONDS):
                return

    def _stop(self, sent: Sent) -> None:
        waited = 0.0
        for stop in sorted(sent.plan.stops, key=lambda stop: stop.after):
            self.over.wait(stop.after - waited)
            waited = stop.after
            self._ask_to_stop(sent, self.people[stop.web])

    def _ask_to_stop(self, sent: Sent, person: Person) -> bool:
        self.stops_asked.add(sent.run_id)
        try:
            reply = person.api("POST", f"/runs/{sent.run_id}/stop")
            if reply.status in (200, 202):
                sent.stop_replies.append(reply.json())
            return reply.status in (200, 202)
        except (*UNREACHABLE, json.JSONDecodeError):
            return False

    def lose_patience(self) -> None:
        """After the faults, stop the answers whose upstream is silent, as their turn comes."""
        self._spawn(self._readers, self._stop_silent)

    def _stop_silent(self) -> None:
        silent = {sent.text: sent for sent in self.sent if sent.plan.trouble == "stall"}
        while silent and not self.over.wait(JANITOR_SECONDS):
            try:
                running = Run.objects.filter(session__in=self.sessions, status=Status.RUNNING)
                for run_id, text in list(running.values_list("id", "message__parent__content")):
                    if sent := silent.get(text):
                        sent.run_id = str(run_id)
                        if self._ask_to_stop(sent, self.people[0]):
                            del silent[text]
            except DatabaseError:
                pass
            finally:
                connection.close()

    def _release_queues(self) -> None:
        """Release the queues that are held after a Stop or a failure (B19)."""
        while not self.over.wait(JANITOR_SECONDS):
            try:
                for session in Session.objects.filter(pk__in=self.sessions, is_queue_held=True):
                    queue.release(session)
                    self.releases[str(session.pk)].append(timezone.now())
            except DatabaseError:
                pass
            finally:
                connection.close()

    # -- what an outsider can know ---------------------------------------------------------------

    def task_ids(self) -> tuple[list[str], list[str]]:
        """The ids of active tasks, and of those that have ended."""
        try:
            runs = Run.objects.filter(session__in=self.sessions, task_id__isnull=False).order_by("queued_at")
            rows = list(runs.values_list("task_id", "status"))
        except DatabaseError:
            rows = []
        finally:
            connection.close()
        active = [str(task_id) for task_id, status in rows if status in ACTIVE]
        return active, [str(task_id) for task_id, status in rows if status not in ACTIVE]

    @property
    def readers(self) -> list[Reader]:
        return [reader for sent in self._everything for reader in sent.readers]


def _at(person: Person, url: str) -> Person:
    """The same user at another web process."""
    other = copy.copy(person)
    other.url, other.followers = url, []
    return other
