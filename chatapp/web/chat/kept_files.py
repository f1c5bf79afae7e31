"""Files of a message that was not sent: a form carries their text or id, since a browser forgets what was chosen.

Field names of file number 0: `kept` (ticked: still to be sent), `kept_name_0`, `kept_type_0`, and `kept_text_0`; or of
a stored file `kept_file_0` (its id), `kept_alt_0` and, of a document, `kept_pages_0`.
"""

import re
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest

from chatapp.chats.models import Attachment
from chatapp.files.documents.excerpts import PAGES_CHARACTERS
from chatapp.files.errors import FileRefused, FileUnknown
from chatapp.files.models import StoredFile
from chatapp.files.names import clean_name
from chatapp.web.chat.attachments import media_type_of
from runs.errors import RunError
from runs.message_files import attachment_of

PARTS = ("name", "type", "text", "file", "alt", "pages")
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_NUMBER = 1_000  # far above the files of a message, whose number is checked when it is sent


def kept_attachments(request: HttpRequest) -> tuple[list[Attachment], RunError | FileRefused | None]:
    """The files that a form carries, unsaved, and why one of them cannot be sent as chosen, if so."""
    posted = request.POST
    numbers = [number for number in posted.getlist("kept") if number.isascii() and number.isdecimal()][:MAX_NUMBER]
    fields = [[posted.get(f"kept_{part}_{number}", "") for part in PARTS] for number in numbers]
    return attachments_from(fields, request.user)


def gone_files(request: HttpRequest, kept: Sequence[Attachment]) -> FileUnknown | None:
    """Why a form cannot be sent whose files are not all among those that were `kept`: some have been deleted since."""
    named = [number for number in request.POST.getlist("kept")[:MAX_NUMBER] if f"kept_name_{number}" in request.POST]
    return FileUnknown() if len(kept) < len(named) else None


def fields_of(file: Attachment) -> list[str]:
    """What `attachments_from` makes the file of again."""
    return [file.name, file.media_type, file.text, *([str(file.file_id), file.alt, file.pages] if file.file_id else [])]


def attachments_from(
    fields: Iterable[Sequence[str]], user: AbstractBaseUser | AnonymousUser
) -> tuple[list[Attachment], RunError | FileRefused | None]:
    """Unsaved attachments from name, media type and text of each; or the id of a stored file, what it shows, and the
    pages of it. And why one of them cannot be sent as chosen, which is there without its text.

    Stored files of others, and those that are gone, are left out. For who has not logged in nothing is looked up: the
    fields are carried to who logs in.
    """
    rows = [[*row, "", "", ""][: len(PARTS)] for row in fields]
    ids = {UUID(row[3]) for row in rows if UUID_TEXT.fullmatch(row[3])}
    stored = StoredFile.objects.visible_to(user).in_bulk(ids) if ids else {}
    attachments: list[Attachment] = []
    failure: RunError | FileRefused | None = None
    for row in rows:
        try:
            attachment = _attachment(row, stored, user.is_authenticated)
        except (RunError, FileRefused) as error:
            failure = failure or error
            file = stored[UUID(row[3])]
            attachment = _unread(row, file.size)
            attachment.file = file
        attachments += [attachment] if attachment else []
    return attachments, failure


def _attachment(fields: list[str], stored: dict[UUID, StoredFile], is_known: bool) -> Attachment | None:
    name, media_type, text, file_id, alt, pages = fields
    text, name = text.replace("\r\n", "\n").replace("\0", ""), clean_name(name)
    if not file_id:
        size = len(text.encode(errors="replace"))
        return Attachment(name=name, media_type=media_type_of(name, media_type), size=size, text=text)
    if not UUID_TEXT.fullmatch(file_id):
        return None
    if not is_known:
        return _unread(fields)
    file = stored.get(UUID(file_id))
    return attachment_of(file, name, alt, pages=pages[:PAGES_CHARACTERS]) if file else None


def _unread(fields: list[str], size: int = 0) -> Attachment:
    """A stored file whose text is not looked at."""
    name, media_type, _, file_id, alt, pages = fields
    attachment = Attachment(
        name=clean_name(name), media_type=media_type_of(name, media_type), size=size, file_id=UUID(file_id), alt=alt
    )
    attachment.pages = pages[:PAGES_CHARACTERS]
    return attachment
