"""Files of a message that was not sent: a form carries their text, since a browser forgets what was chosen.

Field names of file number 0: `kept` (ticked: still to be sent), `kept_name_0`, `kept_type_0`, `kept_text_0`.
"""

from collections.abc import Iterable

from django.http import QueryDict

from chatapp.chats.models import Attachment
from chatapp.files.names import clean_name
from chatapp.web.chat.attachments import media_type_of

MAX_NUMBER = 1_000  # far above the files of a message, whose number is checked when it is sent


def kept_attachments(posted: QueryDict) -> list[Attachment]:
    """The files that a form carries, unsaved."""
    numbers = [number for number in posted.getlist("kept") if number.isascii() and number.isdecimal()][:MAX_NUMBER]
    fields = [[posted.get(f"kept_{part}_{number}", "") for part in ("name", "type", "text")] for number in numbers]
    return attachments_from(fields)


def attachments_from(fields: Iterable[Iterable[str]]) -> list[Attachment]:
    """Unsaved attachments from name, media type and text of each."""
    return [_attachment(name, media_type, text) for name, media_type, text in fields]


def _attachment(name: str, media_type: str, text: str) -> Attachment:
    text, name = text.replace("\r\n", "\n").replace("\0", ""), clean_name(name)
    size = len(text.encode(errors="replace"))
    return Attachment(name=name, media_type=media_type_of(name, media_type), size=size, text=text)
