"""Media types, found in the content of a file."""

import codecs
import re
from collections.abc import Iterable
from mimetypes import MimeTypes

from chatapp.files.errors import FileTypeUnsupported

TYPE_CHARACTERS = 100
KNOWN_TYPES = MimeTypes()  # Python's own table: the system's differs between machines
KNOWN_TYPES.add_type("text/markdown", ".md")
# What the name of a text may say about it. Not "video/mp2t", which is what ".ts" (TypeScript) stands for in tables.
TEXT_TYPE = re.compile(
    r"text/[a-z0-9.+-]+|image/svg\+xml"
    r"|application/([a-z0-9.-]+\+)?(json|xml|yaml|toml|sql|javascript|x-sh|x-csh|x-tex|x-latex)"
)


def text_type_of(name: str) -> str:
    """The media type of a text with this name."""
    guess = KNOWN_TYPES.guess_type(f"file:{name}")[0] or ""
    return guess if TEXT_TYPE.fullmatch(guess) else "text/plain"


def check_text(chunks: Iterable[bytes]) -> None:
    """Raise FileTypeUnsupported unless it is text in UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in chunks:
            if "\0" in decoder.decode(chunk):
                raise FileTypeUnsupported
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise FileTypeUnsupported from None
