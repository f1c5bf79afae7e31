"""Chats with their files as a zip, made while it is sent: neither a chat nor a file is in memory as a whole."""

import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from django.contrib.auth.models import AbstractBaseUser

from chatapp.chats.models import Session
from chatapp.chats.titles import with_opening
from chatapp.files.models import FileState, StoredFile
from chatapp.files.storage import file_storage
from runs.queries.export import document_of, file_name, markdown_of

CHUNK_BYTES = 256 * 1024
FILES_AT_ONCE = 100  # rows in memory
FOLDER = "files/"
NAME_BYTES = 100  # of a file's name: file systems take 255, and some tools count the folders
ENDING_BYTES = 20
DIGEST_CHARACTERS = 12  # of the SHA-256, which tell files with one name apart
UNSAFE = re.compile(r"[^\w.-]+")  # in names of files, for all systems
MISSING = "missing.txt"


class Sink:
    """What the zip is written to: holds what has not been sent yet. It cannot seek, so sizes follow the contents."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing to do."""

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def path_of(file: StoredFile) -> str:
    """Where a file is in a zip: told apart by its content, safe as a name on every system."""
    safe = UNSAFE.sub("_", file.name).strip("._") or "file"
    stem, dot, ending = safe.rpartition(".")
    stem, ending = (stem, _cut(f"{dot}{ending}", ENDING_BYTES)) if stem else (safe, "")
    return f"{FOLDER}{file.sha256[:DIGEST_CHARACTERS]}-{_cut(stem, NAME_BYTES - len(ending.encode()))}{ending}"


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")


def zip_of(session: Session) -> Iterator[bytes]:
    """One chat: Markdown of the visible branch, JSON of everything, and the files of both. It comes `with_opening`."""
    texts = _texts(session, file_name(session, "md"), file_name(session, "json"), "")
    yield from _zip(texts, _files_of(attachments__message__session=session))


def zip_of_all(owner: AbstractBaseUser) -> Iterator[bytes]:
    """All chats of a user, those that are archived included, and all files that were stored."""
    yield from _zip(_texts_of_all(owner), _files_of(owner=owner))


def _texts_of_all(owner: AbstractBaseUser) -> Iterator[tuple[str, Iterator[str]]]:
    sessions = Session.objects.visible_to(owner).order_by("pk")
    for number, pk in enumerate(list(sessions.values_list("pk", flat=True)), start=1):
        session = with_opening(sessions.filter(pk=pk)).first()
        if session is None:  # deleted meanwhile
            continue
        name = f"chats/{number:04}-{file_name(session, '')}"
        yield from _texts(session, f"{name}md", f"{name}json", "../")


def _texts(session: Session, markdown: str, document: str, prefix: str) -> Iterator[tuple[str, Iterator[str]]]:
    """Names and contents; `prefix` leads from them to the folder of files."""

    def link(file: StoredFile) -> str:
        return prefix + path_of(file)

    yield markdown, markdown_of(session, link)
    yield document, document_of(session, link)


def _files_of(**holders: object) -> Iterator[StoredFile]:
    """No query stays open: the connection is given back after each piece."""
    files = StoredFile.objects.filter(state=FileState.STORED, **holders).distinct().order_by("pk")
    ids = list(files.values_list("pk", flat=True))
    for start in range(0, len(ids), FILES_AT_ONCE):
        yield from StoredFile.objects.filter(pk__in=ids[start : start + FILES_AT_ONCE]).order_by("pk")


def _zip(texts: Iterable[tuple[str, Iterator[str]]], files: Iterable[StoredFile]) -> Iterator[bytes]:
    sink, missing = Sink(), []
    with zipfile.ZipFile(sink, "w") as archive:
        for name, pieces in texts:
            encoded = (piece.encode(errors="replace") for piece in pieces)
            yield from _entry(archive, sink, name, encoded, zipfile.ZIP_DEFLATED)
        for file in files:
            chunks = _chunks(file)
            if chunks is None:  # as after a restore of the database alone
                missing.append(path_of(file))
            else:
                yield from _entry(archive, sink, path_of(file), chunks, zipfile.ZIP_STORED)
        if missing:
            archive.writestr(_info(MISSING, zipfile.ZIP_STORED), "".join(f"{path}\n" for path in missing))
    yield sink.take()


def _entry(
    archive: zipfile.ZipFile, sink: Sink, name: str, pieces: Iterable[bytes], compression: int
) -> Iterator[bytes]:
    with archive.open(_info(name, compression), "w", force_zip64=True) as entry:
        for piece in pieces:
            entry.write(piece)
            if data := sink.take():
                yield data
    if data := sink.take():  # nothing would be the end of a response
        yield data


def _info(name: str, compression: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
    info.compress_type = compression
    info.external_attr = 0o600 << 16
    return info


def _chunks(file: StoredFile) -> Iterator[bytes] | None:
    """The content in pieces; None if it is not in the storage."""
    try:
        content = file_storage().open(file.place)
    except OSError:
        return None

    def read() -> Iterator[bytes]:
        with content:
            while chunk := content.read(CHUNK_BYTES):
                yield chunk

    return read()
