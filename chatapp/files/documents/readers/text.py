"""Text in an encoding that is not known: the most likely one is found, and the text is given in UTF-8."""

import codecs
from typing import IO, Any

from charset_normalizer import CharsetMatch, CharsetMatches, from_bytes

# Those that people's files have. The detector knows fifty more, which no program has written for decades.
ENCODINGS = [
    "cp1252", "shift_jis", "cp932", "euc_jp", "iso2022_jp", "gb18030", "big5", "euc_kr", "cp949", "cp1251", "koi8_r",
    "cp1250", "iso8859_2", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "mac_roman",
]  # fmt: skip
MARKS = {  # the longer ones first: those of UTF-16 begin like them
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
WESTERN = "cp1252"
# Western European text often looks as likely in the encodings of its neighbours, and is by far the most frequent.
SINGLE_BYTE_NEIGHBOURS = {"cp1250", "iso8859_2", "cp1254", "cp1257", "cp1258", "mac_roman"}
NEARLY_AS_CLEAN = 0.1  # of the detector's measure of mess, from 0 to 1


class NoText(Exception):
    reason = "unsupported"


def read(content: IO[bytes]) -> tuple[dict[str, Any], list[str]]:
    text, encoding = decoded(content.read())
    if "\0" in text:
        raise NoText("it has zeros")
    return {"encoding": encoding, "is_exact": True}, [text.replace("\r\n", "\n")]


def decoded(content: bytes) -> tuple[str, str]:
    """A text and its encoding. Raises NoText."""
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            try:
                return content.decode(encoding), encoding
            except UnicodeDecodeError as error:
                raise NoText(str(error)) from None
    best = _best(from_bytes(content, cp_isolation=ENCODINGS))
    if best is None:
        raise NoText("no encoding fits")
    return str(best), best.encoding


def _best(matches: CharsetMatches) -> CharsetMatch | None:
    best = matches.best()
    if best is None or best.encoding not in SINGLE_BYTE_NEIGHBOURS:
        return best
    western = (match for match in matches if WESTERN in match.could_be_from_charset)
    same = next(western, None)
    if same is None or same.chaos > best.chaos + NEARLY_AS_CLEAN:
        return best
    return next(iter(from_bytes(same.raw, cp_isolation=[WESTERN])), best)
