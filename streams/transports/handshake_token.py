"""The token in a WebSocket's handshake: `Authorization: Bearer …`, or a protocol for browsers, which set no headers.

A browser offers the protocols `chatapp` and `bearer.TOKEN`; the first is chosen, so that the token is not sent back.
"""

from streams.transports.asgi_types import Scope

PROTOCOL, PREFIX = "chatapp", "bearer."


def token_in(scope: Scope) -> str:
    """The token; empty if there is none."""
    for name, value in scope.get("headers", ()):
        if name == b"authorization":
            kind, _, token = value.decode("latin-1").strip().partition(" ")
            return token.strip() if kind.lower() == "bearer" else ""
    offered: list[str] = scope.get("subprotocols", [])
    return next((each.removeprefix(PREFIX) for each in offered if each.startswith(PREFIX)), "")


def chosen_protocol(scope: Scope) -> str | None:
    """The protocol to accept; None if none of them is known."""
    return PROTOCOL if PROTOCOL in scope.get("subprotocols", []) else None
