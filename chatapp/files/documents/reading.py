"""What is in a document: found by its first bytes, and read in a process of its own (B70)."""

import json
import logging
import threading
from pathlib import Path
from signal import SIGXCPU
from tempfile import TemporaryFile
from typing import IO, NamedTuple

from django.core.files import File

from chatapp.files.child_process import Ended, TooSlow, output_of
from chatapp.files.errors import (
    DocumentEncrypted,
    DocumentInvalid,
    DocumentsBusy,
    DocumentTooLarge,
    DocumentTooSlow,
    DocumentWithoutText,
    FileRefused,
    FileTypeUnsupported,
)

logger = logging.getLogger(__name__)

PROCESS = Path(__file__).with_name("process.py")
SECONDS = 60.0  # s for one document; its process limits its own CPU time before
WAIT_SECONDS = 60.0  # s for documents of others
PDF = b"%PDF-"
ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")  # the last: what is encrypted, or old
PAGES = (".html", ".htm", ".xhtml")
BEFORE_PDF = b"\xef\xbb\xbf \t\r\n"  # which some programs write before it
REFUSALS: dict[str, type[FileRefused]] = {
    "encrypted": DocumentEncrypted,
    "too large": DocumentTooLarge,
    "unsupported": FileTypeUnsupported,
}
MEDIA_TYPES = {  # that readers may find
    "application/pdf",
    "text/html",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}

_one_at_a_time = threading.Semaphore()  # a process's: each takes much memory, and streaming comes first


class Document(NamedTuple):
    """What was read of a document, or of a text that is not in UTF-8."""

    media_type: str  # empty: a text
    text: bytes  # in UTF-8, with a form feed between parts
    parts: int  # pages, slides or sheets; 0: it has none
    encoding: str  # of a text, as found; empty: it is none


def document_kind(head: bytes, name: str = "") -> str:
    """The kind of document that begins so, which is the name of its reader; empty: it is none.

    A page in HTML is text, and only its name tells it from code to talk about.
    """
    if head.startswith(ARCHIVES):
        return "office"
    if head.lstrip(BEFORE_PDF).startswith(PDF):
        return "pdf"
    return "html" if name.lower().endswith(PAGES) else ""


def read_document(upload: "File[bytes]", kind: str) -> Document:
    """What is in a document of this kind. It blocks: never call it in an event loop.

    Raises FileTypeUnsupported, DocumentInvalid, DocumentEncrypted, DocumentTooLarge, DocumentTooSlow,
    DocumentWithoutText or DocumentsBusy.
    """
    if not _one_at_a_time.acquire(timeout=WAIT_SECONDS):
        raise DocumentsBusy
    try:
        with TemporaryFile() as content:
            for chunk in upload.chunks():
                content.write(chunk)
            content.flush()
            with output_of(PROCESS, [kind], content, SECONDS) as (ended, output):
                document = _document(ended, output)
    except TooSlow:
        raise DocumentTooSlow from None
    finally:
        _one_at_a_time.release()
    if not document.text.strip():
        raise DocumentWithoutText
    return document


def _document(ended: Ended, output: IO[bytes]) -> Document:
    """Whatever the process was made to write, this is text, or it is refused."""
    line, text = output.readline(), output.read()
    if ended.returncode == -SIGXCPU:
        raise DocumentTooSlow
    if ended.returncode:
        logger.warning("a document ended its process (%d): %s", *ended)
        raise DocumentInvalid
    try:
        header = json.loads(line)
        if reason := header.get("refused"):
            raise REFUSALS.get(reason, DocumentInvalid)(header.get("detail", ""))
        parts = int(header["parts"]) if header.get("has_parts") else 0
        document = Document(header.get("media_type", ""), text, parts, header.get("encoding", ""))
        is_text = "\0" not in text.decode()
    except (ValueError, KeyError, TypeError) as error:
        raise DocumentInvalid(repr(error)) from None
    if not is_text or (document.media_type not in MEDIA_TYPES and not document.encoding):
        raise DocumentInvalid(f"a reader found {document.media_type!r}")
    return document
