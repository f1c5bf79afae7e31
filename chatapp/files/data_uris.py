"""Contents that requests bring along as data URIs."""

import base64
import binascii
import re

PREFIX = re.compile(r"data:[\w.+/-]*(?:;[\w.=-]+)*;base64,", re.ASCII)
PREFIX_CHARACTERS = 200  # at most
SCHEME = re.compile(r"\w{1,20}:", re.ASCII)


class Address(ValueError):
    """It is an address, which is never fetched and never passed on (B71)."""


def content_of(uri: str) -> bytes:
    """The content of a data URI, or of bare base64. Raises Address; ValueError if it is neither, or empty."""
    prefix = PREFIX.match(uri[:PREFIX_CHARACTERS])
    if prefix is None and SCHEME.match(uri[:PREFIX_CHARACTERS]):
        raise Address
    try:
        content = base64.b64decode(uri[prefix.end() if prefix else 0 :], validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    if not content:
        raise ValueError("it is empty")
    return content
