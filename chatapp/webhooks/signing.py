"""Signatures of the Standard Webhooks specification: HMAC-SHA256 over id, time and body."""

import base64
import hmac
import secrets
from hashlib import sha256

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(secret: str, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """Headers that prove origin and freshness of `body`. `at`: time of this attempt, in seconds since 1970."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{message_id}.{at}.".encode() + body, sha256)
    signature = base64.b64encode(digest).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": f"v1,{signature}"}
