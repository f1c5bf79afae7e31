"""Counts of tokens, under the names that servers use for them."""

from typing import Any

MAX_COUNT = 2**31 - 1  # of a column
PROMPT = (
    "prompt_tokens",
    "input_tokens",
    "promptTokens",
    "inputTokens",
    "promptTokenCount",
    "prompt_token_count",
    "prompt_eval_count",
    "prompt_n",
)
COMPLETION = (
    "completion_tokens",
    "output_tokens",
    "generated_tokens",
    "completionTokens",
    "outputTokens",
    "candidatesTokenCount",
    "candidates_token_count",
    "eval_count",
    "predicted_n",
)
# In the counts themselves, or in the object of details that is named first.
CACHED = (
    ("prompt_tokens_details", "cached_tokens"),
    ("input_tokens_details", "cached_tokens"),
    ("", "prompt_cache_hit_tokens"),
    ("", "cached_tokens"),
    ("", "cache_read_input_tokens"),
    ("prompt_tokens_details", "cache_read_tokens"),
    ("", "num_cached_tokens"),
    ("", "cacheReadInputTokens"),
    ("", "cachedContentTokenCount"),
)
REASONING = (
    ("completion_tokens_details", "reasoning_tokens"),
    ("output_tokens_details", "reasoning_tokens"),
    ("completion_tokens_details", "thinking_tokens"),
    ("", "reasoning_tokens"),
    ("", "thinking_tokens"),
    ("", "thoughtsTokenCount"),
)


def counts_of(usage: Any) -> dict[str, int] | None:
    """`prompt_tokens` and `completion_tokens`, with `cached_tokens` and `reasoning_tokens` where there are some.

    None if it has neither of the first two. Raises TypeError, ValueError or OverflowError for what is no count.
    """
    if not isinstance(usage, dict):
        raise TypeError("usage is no object")
    prompt, completion = _first(usage, PROMPT), _first(usage, COMPLETION)
    if prompt is None and completion is None:
        return None
    counts = {"prompt_tokens": count(prompt), "completion_tokens": count(completion)}
    for name, places in (("cached_tokens", CACHED), ("reasoning_tokens", REASONING)):
        if number := _detail(usage, places):
            counts[name] = number
    return counts


def merge_counts(before: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    """Counts are of the whole answer so far, so the last ones hold; a zero takes nothing away."""
    return (
        more if not before else before | {name: number for name, number in more.items() if number or name not in before}
    )


def count(value: Any) -> int:
    """A number as the upstream intended it, within the range of a column."""
    return min(max(int(value or 0), 0), MAX_COUNT)


def _first(usage: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((usage[name] for name in names if usage.get(name) is not None), None)


def _detail(usage: dict[str, Any], places: tuple[tuple[str, str], ...]) -> int:
    for outer, name in places:
        details = usage.get(outer) if outer else usage
        value = details.get(name) if isinstance(details, dict) else None
        if isinstance(value, str) and value.isdecimal():
            value = int(value[:20])
        if isinstance(value, int | float) and value > 0:
            return count(value)
    return 0
