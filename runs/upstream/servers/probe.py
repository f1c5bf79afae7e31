"""Test for staff whether a model server answers. Runs in the web process."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync

from runs.error_details import redact
from runs.errors import EmptyAnswer, RunError
from runs.models import Model, Provider
from runs.net.http1 import Client
from runs.upstream import adaptive_stream
from runs.upstream.learning import learn
from runs.upstream.reading.deltas import Delta
from runs.upstream.request import UpstreamRequest, prepare_request
from runs.upstream.servers.model_list import parse_models, read_list
from streams.events import Kind

TIMEOUT_SECONDS = 10.0  # s without a byte; staff wait for the result
PROBE_TOKENS = 16  # the least that OpenAI's newer models accept
LISTED_MODELS = 10  # named in the result


class ProbeResult(NamedTuple):
    is_ok: bool
    text: str


def probe_provider(provider: Provider) -> ProbeResult:
    """Test whether the provider lists its models. The text names them."""
    if fault := provider.address_fault or provider.key_fault:
        return ProbeResult(False, fault)
    if provider.key == "":
        return ProbeResult(False, f"the variable {provider.key_env} is not set in the web server's environment.")
    return _timed(lambda: _describe_models(read_list(provider.base_url, provider.key)), provider.key)


def probe_model(model: Model) -> ProbeResult:
    """Test whether the model begins to answer a run's request for a few tokens. It need not be enabled yet."""
    model.enabled = True
    if fault := model.provider.address_fault or model.provider.key_fault:
        return ProbeResult(False, fault)
    messages = [{"role": "user", "content": "Say hello."}]
    return _timed(lambda: _test_model(model, messages), model.provider.key)


def _test_model(model: Model, messages: list[dict[str, Any]]) -> str:
    request = prepare_request(model, messages, max_tokens=PROBE_TOKENS)
    summary = _first_delta(request)
    if request.lessons and model.pk:
        learn(model.pk, request.lessons)
    changes = ", ".join(lesson.about for lesson in request.lessons)
    return f"{summary} It did not accept all of the request at first; adapted: {changes}." if changes else summary


def _timed(probe: Callable[[], str], key: str | None) -> ProbeResult:
    began = time.monotonic()
    try:
        summary = probe()
    except RunError as error:
        detail = str(error) if str(error) != error.message else ""
        text = f"{error.message} ({error.code}) {detail}".strip()
        return ProbeResult(False, redact(text, key))
    return ProbeResult(True, f"OK after {(time.monotonic() - began) * 1000:.0f} ms. {summary}")


def _describe_models(body: bytes) -> str:
    names = [model.id for model in parse_models(body)]
    listed = ", ".join(names[:LISTED_MODELS]) + (" …" if len(names) > LISTED_MODELS else "")
    return f"It has {len(names)} model{'' if len(names) == 1 else 's'}: {listed}"


class _FirstDelta(Exception):
    """The first delta was received."""


class _FirstDeltaSink:
    """A sink that ends the request with the first delta."""

    def record(self, deltas: list[Delta]) -> None:
        if any(kind not in (Kind.USAGE, Kind.SOURCES) for kind, _ in deltas):
            raise _FirstDelta

    def is_full(self) -> bool:
        return False

    async def drain(self) -> None: ...


@async_to_sync
async def _first_delta(request: UpstreamRequest) -> str:
    client = Client()
    try:
        await adaptive_stream.stream(client, request, TIMEOUT_SECONDS, _FirstDeltaSink())
    except _FirstDelta:
        return "It has begun to answer."
    finally:
        client.close()
    raise EmptyAnswer
