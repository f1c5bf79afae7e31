"""Why models finish: the words of many servers, in four groups.

A run keeps the word as its server sent it; this is what it means.
"""

import re
from enum import StrEnum


class Ending(StrEnum):
    """What a finish reason means for the answer."""

    COMPLETE = "complete"
    LENGTH = "length"  # cut off: a limit of tokens was reached
    FILTER = "filter"  # cut off: a content filter
    BROKEN = "broken"  # broken off: the server could not go on


_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # of camel case
_NO_REASONS = {"", "null", "none", "undefined", "unspecified", "finish_reason_unspecified"}
_ENDINGS = {
    Ending.LENGTH: """length max_tokens model_length max_length max_output_tokens max_new_tokens token_limit
        length_limit context_length context_window_exceeded model_context_window_exceeded error_limit length_capped
        max_completion_tokens truncated""",
    Ending.FILTER: """content_filter content_filtered content_filter_error sensitive safety recitation
        prohibited_content blocklist spii image_safety language refusal guardrail_intervened guardrail guardrails
        error_toxic censored moderation moderated blocked content_policy_violation policy_violation output_sensitive
        model_armor""",
    Ending.BROKEN: """error abort aborted insufficient_system_resource insufficient_system_resources network_error
        cancelled canceled cancel user_cancelled failed failure fail internal_error server_error engine_error
        upstream_error model_error service_unavailable unavailable overloaded timeout time_out interrupted
        malformed_function_call unexpected_tool_call too_many_tool_calls exception incomplete disconnected killed
        preempted""",
}
_BY_NAME = {name: ending for ending, names in _ENDINGS.items() for name in names.split()}
_BY_WORDS = (  # of names that are not in the table; the first that matches
    (Ending.FILTER, re.compile(r"filter|safety|sensitive|moderat|guardrail|policy|toxic|risk")),
    (Ending.BROKEN, re.compile(
        r"error|abort|cancel|fail|time_?out|overload|disconnect|interrupt|malformed|exception|crash|killed|evict"
        r"|rate_limit|quota|credit|deadline|out_of_memory|^oom$|unavailable|incomplete"
    )),
    (Ending.LENGTH, re.compile(r"length|max\w*token|token_limit|context_window|^limit$")),
)  # fmt: skip
_NOTES = {
    Ending.LENGTH: "Cut off: the answer reached the model’s length limit.",
    Ending.FILTER: "Cut off: a content filter of the model’s server ended the answer.",
}
_LENGTH_BEFORE_TEXT = (
    "Cut off: the model reached its length limit before the answer began. Set a higher limit in the chat’s settings."
)


def cut_off_note(reason: str, has_text: bool) -> str:
    """What readers of a completed answer should know about its end; empty if it is whole."""
    ending = ending_of(reason)
    return _LENGTH_BEFORE_TEXT if ending is Ending.LENGTH and not has_text else _NOTES.get(ending, "")


def is_reason(reason: object) -> bool:
    """Whether a value in the reason's place is one: some servers send an empty string or "null" with each chunk."""
    return bool(reason) and str(reason).strip().lower() not in _NO_REASONS


def ending_of(reason: str) -> Ending:
    """The group of a reason, in whatever spelling. Unknown words mean that the model came to its end."""
    name = _HUMP.sub("_", reason.strip()).lower().replace("-", "_").replace(" ", "_").removeprefix("finish_reason_")
    if (ending := _BY_NAME.get(name)) is not None:
        return ending
    return next((ending for ending, words in _BY_WORDS if words.search(name)), Ending.COMPLETE)
