"""How many tokens a model reads at once, question and answer together; and how many tokens a text takes."""

import re
from collections.abc import Iterable
from typing import Any

from runs.models import Model
from runs.upstream.profiles.profile import is_known_server

BYTES_PER_TOKEN = 4.0  # of English text, unless a server's own counts have taught better
RATIOS = (1.5, 6.0)  # bytes per token that can be: what a server counts beyond these is something else
IMAGE_BYTES = 4_000  # of text that takes about as many tokens as an image: servers count 85 to 1,600
MESSAGE_TOKENS = 6  # around each message
ANSWER_SHARE = 4  # the answer gets one of so many parts of the window, unless its length is chosen,
MAX_ANSWER_TOKENS = 8_192  # at most so many,
MAX_CHOSEN_SHARE = 2  # and whatever length is chosen, the messages get one of so many parts
LEAST_WINDOW = 256  # tokens; less is no window

# Of models of well-known providers, by the beginning of their names after the vendor's; the first that matches.
TABLE = tuple(
    (re.compile(pattern), window)
    for pattern, window in (
        (r"gpt-3\.5", 16_385),
        (r"gpt-4\.1", 1_047_576),
        (r"gpt-4o|chatgpt-4o|gpt-4-turbo|o1-mini|o1-preview", 128_000),
        (r"gpt-4-32k", 32_768),
        (r"gpt-4", 8_192),
        (r"gpt-[5-9](?:\.\d+)?-chat|gpt-oss", 128_000),
        (r"gpt-[5-9]", 400_000),
        (r"o[1-9]", 200_000),
        (r"claude", 200_000),
        (r"gemini", 1_000_000),
        (r"gemma-?3", 128_000),
        (r"deepseek", 128_000),
        (r"(?:mistral|magistral|devstral|ministral|pixtral)", 128_000),
        (r"codestral", 256_000),
        (r"command-a", 256_000),
        (r"command-r|c4ai", 128_000),
        (r"sonar-pro", 200_000),
        (r"sonar", 128_000),
        (r"grok-4-fast", 2_000_000),
        (r"grok-[4-9]|grok-code", 256_000),
        (r"grok", 131_072),
        (r"kimi-k2|moonshot-v1-128k", 128_000),
        (r"moonshot-v1-32k", 32_768),
        (r"moonshot-v1-8k", 8_192),
        (r"llama-?3\.[1-9]", 128_000),
    )
)


def window_of(model: Model) -> int | None:
    """The model's context window in tokens: as staff set it, as its server reported it, or as the table has it."""
    if model.context_window:
        return int(model.context_window)
    learned = model.learned.get("context_window")
    if isinstance(learned, int) and learned >= LEAST_WINDOW:
        return learned
    if not is_known_server(model.provider.base_url):
        return None  # servers that people run serve less than a model could read
    name = model.upstream_id.lower().rpartition("/")[2]
    return next((window for pattern, window in TABLE if pattern.match(name)), None)


def bytes_per_token(model: Model) -> float:
    """As the server's counts have taught, else the default."""
    learned = model.learned.get("bytes_per_token")
    return within_ratios(learned) if isinstance(learned, int | float) else BYTES_PER_TOKEN


def within_ratios(ratio: float) -> float:
    return min(max(ratio, RATIOS[0]), RATIOS[1])


def prompt_tokens(window: int, answer_tokens: int | None) -> int:
    """How many tokens of a window the messages may take; the rest is the answer's."""
    if answer_tokens:
        return window - min(answer_tokens, window // MAX_CHOSEN_SHARE)
    return window - min(window // ANSWER_SHARE, MAX_ANSWER_TOKENS)


def estimated_tokens(messages: Iterable[dict[str, Any]], ratio: float) -> int:
    return sum(message_tokens(message, ratio) for message in messages)


def message_tokens(message: dict[str, Any], ratio: float) -> int:
    """An estimate from the size of the text, in UTF-8."""
    return MESSAGE_TOKENS + int(message_bytes(message) / ratio)


def message_bytes(message: dict[str, Any]) -> int:
    """Bytes of text, with what an image takes in their place."""
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    texts = (part.get("text") if isinstance(part, dict) else part for part in parts)
    images = [part for part in parts if isinstance(part, dict) and part.get("type") == "image_url"]
    return len(images) * IMAGE_BYTES + sum(
        len(text.encode(errors="replace")) for text in texts if isinstance(text, str)
    )
