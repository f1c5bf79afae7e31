"""The cast, as they use a running stack: alice owns, bob is another user, charlie is staff."""

import http.client
import json
import secrets
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from chatapp.accounts.models import Token
from runs.models import Run
from tests.harness.followers import Follower, PageFollower, SocketFollower, SseFollower


@dataclass
class Reply:
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    def json(self):
        return json.loads(self.body)


class Person:
    """A user who talks to a stack over HTTP. `user` is their row."""

    def __init__(self, url: str, name: str):
        self.url = url
        self.followers: list[Follower] = []
        self.user = get_user_model().objects.create_user(
            f"{name}-{secrets.token_hex(4)}", is_staff=name == "charlie", is_superuser=name == "charlie"
        )

    def __repr__(self):
        return self.user.username

    @cached_property
    def token(self) -> str:
        return Token.objects.create(self.user)[1]

    @cached_property
    def cookies(self) -> dict[str, str]:
        """The cookies of a browser in which this person is logged in."""
        client = Client()
        client.force_login(self.user)
        return {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def cookie_header(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    # -- any request -----------------------------------------------------------------------------

    def request(self, method: str, path: str, body: bytes | None = None, headers: dict | None = None) -> Reply:
        parts = urlsplit(self.url)
        with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)) as connection:
            connection.request(method, path, body, headers or {})
            with connection.getresponse() as response:
                names = {name.lower(): value for name, value in response.getheaders()}
                return Reply(response.status, names, response.read())

    def api(self, method: str, path: str, value: object = None, **headers: str) -> Reply:
        """A request to `/api/v1…` with this person's token and, if there is a `value`, JSON."""
        body = None if value is None else json.dumps(value).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        return self.request(method, f"/api/v1{path}", body, {**self.bearer, **kind, **headers})

    def page(self, method: str, path: str, form: dict | None = None) -> Reply:
        """A request as this person's browser makes it, with cookies and, if it sends a form, its CSRF token."""
        headers, body = dict(self.cookie_header), None
        if form is not None:
            secret = "c" * 32
            headers["Cookie"] += f"; {settings.CSRF_COOKIE_NAME}={secret}"
            headers["Content-Type"], headers["Origin"] = "application/x-www-form-urlencoded", self.url
            body = urlencode({**form, "csrfmiddlewaretoken": secret}).encode()
        return self.request(method, path, body, headers)

    # -- what a person does ----------------------------------------------------------------------

    def new_session(self, **values: str) -> str:
        """The id of a new session."""
        reply = self.api("POST", "/sessions", values)
        assert reply.status == 201, reply
        return reply.json()["id"]

    def send(self, text: str, session: str | None = None, **values: str) -> Run:
        """Send a message, by default to a new session. Returns the run that will answer it."""
        session = session or self.new_session()
        reply = self.api("POST", f"/sessions/{session}/messages", {"text": text, **values})
        assert reply.status == 202, reply
        return Run.objects.get(pk=reply.json()["run"]["id"])

    def stop(self, run: Run) -> Reply:
        return self.api("POST", f"/runs/{run.pk}/stop")

    def follow(self, run: Run | str, after: int = 0, **headers: str) -> SseFollower:
        """Follow a run over SSE, from another thread."""
        run_id = str(getattr(run, "pk", run))
        path = f"/api/v1/runs/{run_id}/events"
        return self._start(SseFollower(self.url, path, run_id, after, {**self.bearer, **headers}))

    def follow_page(self, run: Run | str, after: int = 0) -> SseFollower:
        """Follow a run over SSE as a page does, with the session cookie."""
        run_id = str(getattr(run, "pk", run))
        path = f"/runs/{run_id}/events"
        return self._start(SseFollower(self.url, path, run_id, after, self.cookie_header))

    def follow_ws(self, run: Run | str, after: int = 0, *, acks: bool = True) -> SocketFollower:
        """Follow a run over the WebSocket, from another thread."""
        run_id = str(getattr(run, "pk", run))
        return self._start(SocketFollower(self.url, run_id, after, self.cookie_header, acks))

    def follow_sse(self, run: Run | str, after: int = 0, *more: str, **headers: str) -> PageFollower:
        """Follow a run, and more streams, over `GET /streams`, as a page without a WebSocket does."""
        run_id = str(getattr(run, "pk", run))
        return self._start(PageFollower(self.url, run_id, after, {**self.cookie_header, **headers}, more))

    def _start(self, follower):
        self.followers.append(follower)
        return follower.start()

    def leave(self) -> None:
        """Close all followers of this person."""
        for follower in self.followers:
            follower.close()
