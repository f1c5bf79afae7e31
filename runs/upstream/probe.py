"""Does a model server answer? Asked by staff, in the web process."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import NamedTuple

import orjson
from asgiref.sync import async_to_sync

from runs.errors import EmptyAnswer, RunError, UpstreamGarbage, UpstreamRejected, UpstreamUnreachable
from runs.models import Model, Provider
from runs.net.http1 import Client
from runs.traces import redact
from runs.upstream import chat_completions
from runs.upstream.request import UpstreamRequest, prepare_request

PATIENCE_SECONDS = 10.0  # s of silence that somebody waits through
LISTED_MODELS = 10
LIST_BYTES = 2**20  # of a provider's list of models


class Found(NamedTuple):
    is_ok: bool
    text: str


def ask_provider(provider: Provider) -> Found:
    """Whether the provider lists its models, and which."""
    if fault := provider.address_fault or provider.key_fault:
        return Found(False, fault)
    if provider.key == "":
        return Found(False, f"the variable {provider.key_env} is not set in the web server's environment.")
    return _timed(lambda: _list_models(provider), provider.key)


def ask_model(model: Model) -> Found:
    """Whether the model begins to answer: a run's own request, for one token. It may be tested before it is enabled."""
    model.enabled = True
    if fault := model.provider.address_fault or model.provider.key_fault:
        return Found(False, fault)
    asked = [{"role": "user", "content": "Say hello."}]
    return _timed(lambda: _first_delta(prepare_request(model, asked, max_tokens=1)), model.provider.key)


def _timed(ask: Callable[[], str], key: str | None) -> Found:
    began = time.monotonic()
    try:
        said = ask()
    except RunError as error:
        detail = str(error) if str(error) != error.message else ""
        text = f"{error.message} ({error.code}) {detail}".strip()
        return Found(False, redact(text, key))
    return Found(True, f"OK after {(time.monotonic() - began) * 1000:.0f} ms. {said}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key is for this address only."""

    def redirect_request(self, *args, **kwargs):
        return None


def _list_models(provider: Provider) -> str:
    headers = {"Authorization": f"Bearer {provider.key}"} if provider.key else {}
    request = urllib.request.Request(provider.base_url.rstrip("/") + "/models", headers=headers)
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=PATIENCE_SECONDS) as response:
            body = response.read(LIST_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            raise chat_completions.ERRORS_BY_STATUS.get(error.code, UpstreamRejected)(f"HTTP {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise UpstreamUnreachable(str(error)) from error
    return _told(body)


def _told(body: bytes) -> str:
    try:
        names = [str(entry["id"]) for entry in orjson.loads(body)["data"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UpstreamGarbage(f"no list of models: {body[:200]!r}") from error
    shown = ", ".join(names[:LISTED_MODELS]) + (" …" if len(names) > LISTED_MODELS else "")
    return f"It has {len(names)} model{'' if len(names) == 1 else 's'}: {shown}"


class _Begun(Exception):
    """The first words have come."""


class _FirstWords:
    """A sink that has heard enough after the first words."""

    def record(self, deltas: list[chat_completions.Delta]) -> None:
        raise _Begun

    def is_full(self) -> bool:
        return False

    async def room(self) -> None:
        """There always is."""


@async_to_sync
async def _first_delta(request: UpstreamRequest) -> str:
    client = Client()
    try:
        await chat_completions.stream(client, request, PATIENCE_SECONDS, _FirstWords())
    except _Begun:
        return "It has begun to answer."
    finally:
        client.close()
    raise EmptyAnswer
