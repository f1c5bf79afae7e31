"""A WebSocket is opened with a token, by programs and by pages of the sites that may."""

import asyncio

import pytest
from knox.models import get_token_model

from chatapp.accounts.authentication import viewer_with_token
from streams.transports.handshake_token import chosen_protocol, token_in
from streams.transports.origin import is_allowed_for_programs
from streams.transports.websocket import stream_socket


def scope(*headers, protocols=()):
    return {"type": "websocket", "headers": list(headers), "subprotocols": list(protocols), "cookies": {}}


@pytest.mark.parametrize(
    ("handshake", "token"),
    [
        (scope((b"authorization", b"Bearer abc")), "abc"),
        (scope((b"authorization", b"Basic abc")), ""),
        (scope(protocols=["chatapp", "bearer.abc"]), "abc"),
        (scope(protocols=["chatapp"]), ""),
        (scope(), ""),
    ],
)
def test_a_handshake_s_token_is_in_a_header_or_a_protocol(handshake, token):
    assert token_in(handshake) == token


def test_the_token_is_not_sent_back_as_the_chosen_protocol():
    assert chosen_protocol(scope(protocols=["bearer.abc", "chatapp"])) == "chatapp"
    assert chosen_protocol(scope(protocols=["bearer.abc"])) is None


@pytest.mark.parametrize(
    ("origins", "is_allowed"),
    [
        ([], True),
        ([b"https://app.example.org"], True),
        ([b"https://evil.example.org"], False),
        ([b"null"], False),
        ([b"https://app.example.org", b"https://evil.example.org"], False),
    ],
)
def test_pages_of_other_sites_need_permission(settings, origins, is_allowed):
    settings.ALLOWED_ORIGINS = ["https://app.example.org"]
    assert is_allowed_for_programs(scope(*((b"origin", origin) for origin in origins))) is is_allowed


@pytest.mark.django_db
def test_a_token_is_a_viewer_and_nothing_else_is(alice):
    token = get_token_model().objects.create(alice)[1]
    assert viewer_with_token(token).user_id == alice.pk
    assert viewer_with_token("wrong") is viewer_with_token("ÿ") is None


def test_a_wrong_token_opens_nothing(monkeypatch):
    monkeypatch.setattr("streams.access._token_check", lambda token: None)
    messages = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        messages.append(message["type"])

    asyncio.run(stream_socket(scope((b"authorization", b"Bearer wrong")), receive, send))
    assert messages == ["websocket.accept", "websocket.send", "websocket.close"]
