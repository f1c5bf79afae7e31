"""What staff see of an error: shortened, and without secrets."""

import re
from hashlib import sha256

TRACE_CHARACTERS = 8_000
CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"]+@")  # of an address: of a proxy, say


def shorten(text: str) -> str:
    """At most about TRACE_CHARACTERS of a text: of a longer one both ends, with its length and hash between them."""
    text = text.replace("\0", "\ufffd")  # PostgreSQL's text holds no NUL
    if len(text) <= TRACE_CHARACTERS:
        return text
    note = f"[{len(text)} characters, sha256 {sha256(text.encode(errors='replace')).hexdigest()[:16]}]"
    return f"{text[: TRACE_CHARACTERS // 4]}\n… {note} …\n{text[-3 * TRACE_CHARACTERS // 4 :]}"


def redact(text: str, secret: str | None) -> str:
    """`text` without the provider's key and without credentials in addresses, which a library may have put in."""
    text = CREDENTIALS.sub("[credentials]@", text)
    return text.replace(secret, "[key]") if secret else text
