"""The form that sends a message: what it displays, and what it posts."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.http import HttpRequest

from chatapp.chats.actions import start_session
from chatapp.chats.attachments import full_text
from chatapp.chats.models import Attachment, Session
from chatapp.files.errors import FileRefused
from chatapp.web.chat.attachments import uploaded_attachments
from chatapp.web.chat.kept_files import UUID_TEXT, gone_files, kept_attachments
from chatapp.web.chat.model_settings import ModelSettingsForm
from chatapp.web.shell.model_options import ModelGroup, grouped, usable_models
from runs.actions import send
from runs.errors import RunError
from runs.models import Model, Run


@dataclass
class Composer:
    """What the form displays. `active` is the run that Stop stops; while there is one, messages sent are queued."""

    user: AbstractBaseUser | AnonymousUser
    text: str = ""
    model: str = ""
    error: RunError | FileRefused | None = None
    model_settings: ModelSettingsForm | None = None
    active: Run | None = None
    key: str = field(default_factory=lambda: uuid4().hex)
    files: Sequence[Attachment] = ()  # of a message that was not sent, unsaved

    @cached_property
    def models(self) -> list[Model]:
        """Those that the user may choose from."""
        return usable_models(self.user)

    @property
    def model_groups(self) -> list[ModelGroup]:
        return grouped(self.models, self.user)

    @property
    def selected_model(self) -> Model | None:
        """The requested model if the user may use it, else the default."""
        matches = (model for model in self.models if model.name == self.model)
        return next(matches, self.models[0] if self.models else None)

    @property
    def limits(self) -> dict[str, int]:
        """Of the files of one message, for the script, which says so before anything is sent."""
        return {
            "files": settings.PROMPT_MAX_FILES,
            "file_bytes": settings.FILE_MAX_BYTES,
            "bytes": settings.UPLOAD_MAX_BYTES,
            "pixels": settings.IMAGE_MAX_PIXELS,
        }

    @property
    def notice(self) -> str:
        """Why a message cannot be sent, or was not; empty if there is no obstacle."""
        if self.model_settings and self.model_settings.errors:
            return self.model_settings.error_text
        if self.error:
            return self.error.message
        return "" if self.models else "No model is connected yet."


@dataclass
class Posted:
    """What the form posted."""

    user: AbstractBaseUser | AnonymousUser
    text: str
    model: str
    key: str
    files: list[Attachment] = field(default_factory=list)
    error: RunError | FileRefused | None = None  # why the files cannot be sent
    fields: Mapping[str, str] = field(default_factory=dict)  # all of them

    @classmethod
    def from_request(cls, request: HttpRequest) -> "Posted":
        posted = cls(request.user, text_of(request), model_of(request), "", fields=request.POST)
        kept, fault_of_kept = kept_attachments(request)
        uploaded, fault_of_uploaded = uploaded_attachments(request)
        posted.files = kept + uploaded
        posted.error = fault_of_kept or gone_files(request, kept) or fault_of_uploaded
        stored = [str(file.file_id) for file in posted.files if file.file_id]
        sent = [posted.model, full_text(posted.text, posted.files), *stored]
        posted.key = _idempotency_key(request.POST.get("key", ""), *sent)
        return posted

    @cached_property
    def models(self) -> list[Model]:
        """Those that the user may choose from."""
        return usable_models(self.user)

    @cached_property
    def model_settings(self) -> ModelSettingsForm:
        """Those of a new session."""
        return ModelSettingsForm(self.fields, models=self.models, form_id="composer")

    def composer(self, error: RunError | FileRefused | None = None) -> Composer:
        """The form as it was posted, so that nothing typed is lost, with the error."""
        return Composer(self.user, self.text, self.model, error, self.model_settings, files=self.files)


def text_of(request: HttpRequest) -> str:
    """The posted message with LF line ends (forms send CRLF), without NUL, which PostgreSQL cannot store."""
    return request.POST.get("text", "").replace("\r\n", "\n").replace("\0", "")


def removed_files_of(request: HttpRequest) -> set[UUID]:
    """The ids of the files to remove from a message that is edited."""
    return {UUID(pk) for pk in request.POST.getlist("without") if UUID_TEXT.fullmatch(pk)}


def model_of(request: HttpRequest) -> str:
    """The name of the selected model; empty if none."""
    return request.POST.get("model", "").replace("\0", "")[:100]


def _idempotency_key(key: str, *sent: str) -> str:
    """The key under which this message is sent only once.

    It includes the content: after Back, a page still has its old key, but a new text in it is a new message.
    """
    return hashlib.sha256("\0".join([key, *sent]).encode(errors="replace")).hexdigest() if key else ""


def send_posted(session: Session, posted: Posted, user: AbstractBaseUser) -> Run:
    """Send to a session. Raises the RunErrors of `runs.actions.send` and those of reading the files."""
    if posted.error:
        raise posted.error
    return send(session, posted.text, files=posted.files, user=user, model=posted.model, key=posted.key)


@transaction.atomic
def start_posted(posted: Posted, user: AbstractBaseUser) -> Run:
    """Create a session with its first message, or neither of them. Raises as `send_posted` does."""
    session = start_session(user, posted.key)
    posted.model_settings.save_to(session)
    return send_posted(session, posted, user)
