"""A model server's own list of models, `GET …/models`, and what some servers tell there about each.

Runs in the web process and in commands, never in a worker's event loop: it blocks for up to TIMEOUT_SECONDS.
"""

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from runs.error_details import redact
from runs.errors import (
    ProviderMisconfigured,
    RunError,
    UpstreamError,
    UpstreamGarbage,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from runs.net.proxies import proxy_for
from runs.net.tls import client_context
from runs.upstream.exchange import upstream_errors
from runs.upstream.failures.classify import BODY_BYTES, failure_of_response

TIMEOUT_SECONDS = 10.0  # s without a byte; staff wait for the result
MAX_SECONDS = 20.0  # s for the whole list
MAX_BYTES = 8 * 2**20  # of the list: OpenRouter's 400 models take 700 KB
MAX_MODELS = 2_000  # of a server that are kept
MAX_ID_CHARACTERS = 200  # as Model.upstream_id
PIECE = 64 * 1024
WORDS_CHARACTERS = 300  # of a refusal


class ListedModel(NamedTuple):
    """A model as its server lists it. None: the server does not say. Prices are per million tokens."""

    id: str
    owner: str = ""
    context_window: int | None = None  # tokens
    input_price: str | None = None
    output_price: str | None = None
    has_vision: bool | None = None
    has_tools: bool | None = None
    has_reasoning: bool | None = None
    has_chat: bool | None = None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: the key is for this address only."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def fetch_models(
    base_url: str, key: str | None, timeout: float = TIMEOUT_SECONDS, is_direct: bool = False
) -> list[ListedModel]:
    """The models that the server at `base_url` lists, by id. Raises as `read_list`."""
    return parse_models(read_list(base_url, key, timeout, is_direct))


def read_list(base_url: str, key: str | None, timeout: float = TIMEOUT_SECONDS, is_direct: bool = False) -> bytes:
    """The response to `GET …/models` of the server at `base_url`. `is_direct`: never through a proxy.

    Raises UpstreamError or ProviderMisconfigured; the error's text is for staff, without the key.
    """
    headers = {"Accept": "application/json", "User-Agent": "chatapp"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    handlers = [_NoRedirect(), urllib.request.HTTPSHandler(context=client_context()), _proxies(base_url, is_direct)]
    try:
        request = urllib.request.Request(base_url.rstrip("/") + "/models", headers=headers)
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as response:
            return _read(response, time.monotonic() + max(timeout, MAX_SECONDS if timeout >= 5 else timeout))
    except urllib.error.HTTPError as error:
        raise _refusal(error, key) from None
    except (OSError, HTTPException, ValueError) as error:
        raise UpstreamUnreachable(redact(str(getattr(error, "reason", error)), key)) from None


def _refusal(error: urllib.error.HTTPError, key: str | None) -> UpstreamError:
    """The error of a run that is refused like this, with the server's own words about it."""
    headers = {name.lower(): value for name, value in error.headers.items()}
    with error:
        failure = failure_of_response(error.code, headers, error.read(BODY_BYTES))
    words = " ".join(redact(failure.upstream_message, key).split())[:WORDS_CHARACTERS]
    return type(failure)(f"HTTP {error.code}{': ' + words if words else ''}")


def _proxies(base_url: str, is_direct: bool) -> urllib.request.ProxyHandler:
    """Raises ProviderMisconfigured for a SOCKS proxy, which only the requests of chats go through."""
    with upstream_errors():
        proxy = None if is_direct else proxy_for(base_url)
    if proxy is None:
        return urllib.request.ProxyHandler({})
    if not proxy.startswith("http"):
        raise ProviderMisconfigured("lists of models cannot be read through a SOCKS proxy: name models by hand")
    return urllib.request.ProxyHandler({urlsplit(base_url).scheme: proxy})


def describe_failure(error: RunError) -> str:
    """One line for staff: the sentence, and the details if there are any."""
    detail = str(error)
    return error.message if detail == error.message else f"{error.message} ({detail})"


def _read(response: Any, deadline: float) -> bytes:
    """The body, unless it is too long or takes too long. Raises UpstreamTooLarge, UpstreamUnreachable."""
    pieces, size = [], 0
    while piece := response.read1(PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BYTES:
            raise UpstreamTooLarge(f"its list of models is longer than {MAX_BYTES // 2**20} MB")
        if time.monotonic() > deadline:
            raise UpstreamUnreachable("its list of models takes too long")
    return b"".join(pieces)


def parse_models(body: bytes) -> list[ListedModel]:
    """`{"data": [{"id": …}]}`, as OpenAI's; also a bare list, and Ollama's `models`. Raises UpstreamGarbage."""
    try:
        parsed = orjson.loads(body)
        entries = parsed if isinstance(parsed, list) else parsed.get("data", parsed.get("models"))
        models = {model.id: model for entry in entries if (model := _parse(entry)) is not None}
    except (ValueError, AttributeError, TypeError) as error:
        raise UpstreamGarbage(f"not a list of models: {body[:100]!r}") from error
    return sorted(models.values(), key=lambda model: model.id.lower())[:MAX_MODELS]


def _parse(entry: Any) -> ListedModel | None:
    """None for what cannot be asked by its name, or cannot chat and says so."""
    if isinstance(entry, str):
        entry = {"id": entry}
    if not isinstance(entry, dict):
        return None
    name = entry.get("id") or entry.get("name") or entry.get("model")
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_ID_CHARACTERS or not name.isprintable():
        return None
    pricing = _mapping(entry.get("pricing"))
    parameters = entry.get("supported_parameters")
    inputs = _mapping(entry.get("architecture")).get("input_modalities")
    return ListedModel(
        id=name,
        owner=str(entry.get("owned_by") or "")[:50],
        context_window=_context_window(entry),
        input_price=_price(pricing.get("prompt")),
        output_price=_price(pricing.get("completion")),
        has_vision="image" in inputs if isinstance(inputs, list) else None,
        has_tools="tools" in parameters if isinstance(parameters, list) else None,
        has_reasoning="reasoning" in parameters if isinstance(parameters, list) else None,
        has_chat=_has_chat(entry),
    )


CHATTING, NOT_CHATTING = {"chat", "llm", "vlm"}, {"embedding", "embeddings", "rerank", "moderation", "transcribe"}


def _has_chat(entry: Mapping[str, Any]) -> bool | None:
    """LM Studio and Together have a type, Mistral capabilities, OpenRouter modalities."""
    kind = entry.get("type")
    if isinstance(kind, str) and kind in CHATTING | NOT_CHATTING:
        return kind in CHATTING
    chats = _mapping(entry.get("capabilities")).get("completion_chat")
    if isinstance(chats, bool):
        return chats
    outputs = _mapping(entry.get("architecture")).get("output_modalities")
    return "text" in outputs if isinstance(outputs, list) and outputs else None


CONTEXT_NAMES = ("loaded_context_length", "context_length", "max_model_len", "context_window", "max_context_length")


def _context_window(entry: Mapping[str, Any]) -> int | None:
    """OpenRouter and Together, vLLM, Groq, Mistral and LM Studio; llama.cpp has it in `meta`.

    Not the length that a model was trained for: a server may be set to read less of it.
    """
    values = [*(entry.get(name) for name in CONTEXT_NAMES), _mapping(entry.get("meta")).get("n_ctx")]
    return next((value for value in values if type(value) is int and 0 < value < 2**31), None)


def _price(per_token: Any) -> str | None:
    """OpenRouter's price of one token, as the price of a million."""
    try:
        price = Decimal(str(per_token)) * 1_000_000
    except InvalidOperation:
        return None
    return f"{price:f}" if price.is_finite() and 0 <= price < 100_000 else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
