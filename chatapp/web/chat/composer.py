"""The form that sends a message: what it shows, and what it makes of what was posted."""

import hashlib
import re
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.db import transaction
from django.http import HttpRequest

from chatapp.chats.actions import start_session
from chatapp.chats.attachments import whole
from chatapp.chats.models import Attachment, Session
from chatapp.web.chat.attachments import attached
from chatapp.web.chat.model_settings import TuningForm
from runs.actions import send
from runs.errors import ModelMissing, RunError
from runs.models import Model, Run

UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Composer:
    """The form's contents. `active` is the run that Stop stops; while there is one, what is sent waits behind it."""

    text: str = ""
    model: str = ""
    error: RunError | None = None
    tuning: TuningForm | None = None
    active: Run | None = None
    key: str = field(default_factory=lambda: uuid4().hex)
    models: list[Model] = field(default_factory=lambda: list(Model.objects.filter(enabled=True)))

    @property
    def chosen(self) -> Model | None:
        """The model asked for if it can be had, else the default one."""
        named = (model for model in self.models if model.name == self.model)
        return next(named, self.models[0] if self.models else None)

    @property
    def notice(self) -> str:
        """What stands in the way of sending, perhaps before anybody has tried."""
        if self.tuning and self.tuning.errors:
            return self.tuning.sentence
        error = self.error or (None if self.models else ModelMissing())
        return error.message if error else ""


@dataclass
class Posted:
    """What a composer posted."""

    text: str
    model: str
    key: str
    files: list[Attachment] = field(default_factory=list)
    error: RunError | None = None  # why the files can't be sent
    tuning: TuningForm | None = None  # of a new session

    @classmethod
    def by(cls, request: HttpRequest) -> "Posted":
        posted = cls(text_of(request), model_of(request), "")
        try:
            posted.files = attached(request)
        except RunError as error:
            posted.error = error
        posted.tuning = TuningForm(request.POST, belongs_to="composer")
        posted.key = _key(request.POST.get("key", ""), posted.model, whole(posted.text, posted.files))
        return posted

    def back(self, error: RunError | None = None) -> Composer:
        """The form as it was, with what was wrong: nothing typed is lost."""
        return Composer(self.text, self.model, error, self.tuning)


def text_of(request: HttpRequest) -> str:
    """The posted message, as it was typed: forms send CRLF. PostgreSQL stores no NUL, and nobody types one."""
    return request.POST.get("text", "").replace("\r\n", "\n").replace("\0", "")


def dropped_of(request: HttpRequest) -> set[UUID]:
    """The ids of the files that are not to stay with a message that is changed."""
    return {UUID(pk) for pk in request.POST.getlist("without") if UUID_TEXT.fullmatch(pk)}


def model_of(request: HttpRequest) -> str:
    """The name of the model that was chosen; empty: none."""
    return request.POST.get("model", "").replace("\0", "")[:100]


def _key(key: str, *sent: str) -> str:
    """The key under which this is sent once.

    It covers what is sent: a page that comes back with Back still has its old key, and what is typed there is new.
    """
    return hashlib.sha256("\0".join([key, *sent]).encode(errors="replace")).hexdigest() if key else ""


def send_posted(session: Session, posted: Posted, user) -> Run:
    """Send to a session; raises the RunErrors of `runs.actions.send`, and those of reading the files."""
    if posted.error:
        raise posted.error
    return send(session, posted.text, files=posted.files, user=user, model=posted.model, key=posted.key)


@transaction.atomic
def start_posted(posted: Posted, user) -> Run:
    """Start a session with its first message. If that may not be sent, there is no session either."""
    session = start_session(user, posted.key)
    if posted.tuning:
        posted.tuning.save_to(session)
    return send_posted(session, posted, user)
