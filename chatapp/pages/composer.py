"""The form that sends a message: what it shows, and what it makes of what was posted."""

import hashlib
from dataclasses import dataclass, field
from uuid import uuid4

from django.db import transaction
from django.http import HttpRequest

from chatapp.chats.actions import start_session
from chatapp.chats.models import Session
from runs.actions import send
from runs.errors import ModelMissing, RunError
from runs.models import Model, Run


@dataclass
class Composer:
    """The form's contents. `active` is the run that Stop stops; while there is one, what is sent waits behind it."""

    text: str = ""
    model: str = ""
    error: RunError | None = None
    active: Run | None = None
    key: str = field(default_factory=lambda: uuid4().hex)
    models: list[Model] = field(default_factory=lambda: list(Model.objects.filter(enabled=True)))

    @property
    def chosen(self) -> Model | None:
        """The model asked for if it can be had, else the default one."""
        named = (model for model in self.models if model.name == self.model)
        return next(named, self.models[0] if self.models else None)

    @property
    def notice(self) -> RunError | None:
        """What stands in the way of sending, before anybody has tried."""
        return self.error or (None if self.models else ModelMissing())


@dataclass
class Posted:
    """What a composer posted."""

    text: str
    model: str
    key: str

    @classmethod
    def by(cls, request: HttpRequest) -> "Posted":
        text, model = text_of(request), model_of(request)
        return cls(text, model, _key(request.POST.get("key", ""), model, text))

    def back(self, error: RunError | None = None) -> Composer:
        """The form as it was, with what was wrong: nothing typed is lost."""
        return Composer(self.text, self.model, error)


def text_of(request: HttpRequest) -> str:
    """The posted message, as it was typed: forms send CRLF. PostgreSQL stores no NUL, and nobody types one."""
    return request.POST.get("text", "").replace("\r\n", "\n").replace("\0", "")


def model_of(request: HttpRequest) -> str:
    """The name of the model that was chosen; empty: none."""
    return request.POST.get("model", "").replace("\0", "")[:100]


def _key(key: str, *sent: str) -> str:
    """The key under which this is sent once.

    It covers what is sent: a page that comes back with Back still has its old key, and what is typed there is new.
    """
    return hashlib.sha256("\0".join([key, *sent]).encode(errors="replace")).hexdigest() if key else ""


def send_posted(session: Session, posted: Posted, user) -> Run:
    """Send to a session; raises the RunErrors of `runs.actions.send`."""
    return send(session, posted.text, user=user, model=posted.model, key=posted.key)


@transaction.atomic
def start_posted(posted: Posted, user) -> Run:
    """Start a session with its first message. If that may not be sent, there is no session either."""
    return send_posted(start_session(user, posted.key), posted, user)
