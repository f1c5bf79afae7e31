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

WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)  # with zeros in text


def text_type_of(name: str) -> str:
    """The media type of a text with this name."""
    guess = KNOWN_TYPES.guess_type(f"file:{name}")[0] or ""
    return guess if TEXT_TYPE.fullmatch(guess) else "text/plain"


def is_utf8(chunks: Iterable[bytes]) -> bool:
    """Whether a text is in UTF-8. Raises FileTypeUnsupported for what is no text, as far as can be told from here."""
    decoder, is_utf8, is_first = codecs.getincrementaldecoder("utf-8")(), True, True
    for chunk in chunks:
        if is_first and chunk.startswith(WIDE_MARKS):
            return False
        is_first = False
        if b"\0" in chunk:
            raise FileTypeUnsupported
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError:
            is_utf8 = False
            decoder.reset()
    return is_utf8 and not decoder.getstate()[0]
