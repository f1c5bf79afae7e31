"""Providers' keys at rest: encrypted with a key derived from SECRET_KEY, and bound to the origin they were entered for.

What is stored is a Fernet token (AES-128-CBC and HMAC-SHA256) of the key and its origin. A row that is changed to
point elsewhere therefore holds a key that cannot be read. SECRET_KEY_FALLBACKS still decrypt, so SECRET_KEY can be
rotated: `manage.py rotate_keys` encrypts everything anew, and then the fallback can go.
"""

import json
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

PURPOSE = b"chatapp provider key v1"  # another purpose would get another key from the same SECRET_KEY

Origin = tuple[str, str, int | None]  # scheme, host, port


class KeyUnreadable(Exception):
    """The stored key cannot be read: SECRET_KEY has changed. Enter the key again."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else str(self.__doc__)


def seal(key: str, origin: Origin) -> str:
    """Encrypt `key` for `origin`."""
    return _fernet(_secrets()).encrypt(json.dumps([key, origin]).encode()).decode()


def unseal(stored: str, origin: Origin) -> str:
    """The key that was sealed for `origin`. Raises KeyUnreadable, whose text is for staff."""
    from cryptography.fernet import InvalidToken

    try:
        key, sealed_for = json.loads(_fernet(_secrets()).decrypt(stored.encode()))
    except (InvalidToken, ValueError) as error:
        raise KeyUnreadable from error
    if tuple(sealed_for) != origin:
        raise KeyUnreadable(f"The key was stored for {sealed_for[1]}, not for {origin[1]}. Enter it again.")
    return str(key)


def reseal(stored: str) -> str:
    """The same key, encrypted with the present SECRET_KEY. Raises KeyUnreadable."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet(_secrets()).rotate(stored.encode()).decode()
    except (InvalidToken, ValueError) as error:
        raise KeyUnreadable from error


def is_current(stored: str) -> bool:
    """Whether the present SECRET_KEY decrypts it, without the fallbacks."""
    from cryptography.fernet import InvalidToken

    try:
        _fernet(_secrets()[:1]).decrypt(stored.encode())
    except (InvalidToken, ValueError):
        return False
    return True


def fernet_for(purpose: bytes) -> "MultiFernet":
    """Encrypts with the present SECRET_KEY what the fallbacks still decrypt, with a key for this purpose alone."""
    return _fernet(_secrets(), purpose)


def _secrets() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=8)
def _fernet(secrets: tuple[str, ...], purpose: bytes = PURPOSE) -> "MultiFernet":
    """Encrypts with the first secret, decrypts with any. Loaded when first needed: most workers never need it."""
    from cryptography.fernet import Fernet, MultiFernet
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    keys = [HKDF(SHA256(), length=32, salt=None, info=purpose).derive(secret.encode()) for secret in secrets]
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])
