"""What programs get to know of an error: beside code and sentence, the words of the model server."""

import re
from typing import Any

from runs.error_details import redact
from runs.errors import RunError, UpstreamError

# Keys as servers quote them in refusals, whole or masked: "Incorrect API key provided: sk-ab***xyz"
KEYS = re.compile(r"\b(?:sk|pk|rk|gsk|xai|hf|key|Bearer)[-_ ][\w.*…•-]{6,}|\bAIza[\w*…•-]{6,}|\S{2,}\*{3,}\S*")
MESSAGE_CHARACTERS = 2_000  # of what a model server said about a request


def program_details(error: RunError, secret: str | None) -> dict[str, Any]:
    """More members of a run's final event.

    `retried` where the worker has retried in vain, `retry_after` in seconds, and `upstream`: what the model server said
    about a request that it refused with a 4xx.
    """
    details: dict[str, Any] = {} if error.retry_after is None else {"retry_after": error.retry_after}
    if error.was_retried:
        details["retried"] = True
    if isinstance(error, UpstreamError) and 400 <= (error.upstream_status or 0) < 500:
        message = KEYS.sub("[key]", redact(error.upstream_message, secret))[:MESSAGE_CHARACTERS]
        words = {"message": message, "code": error.upstream_code, "param": error.upstream_param}
        details["upstream"] = {"status": error.upstream_status, **{name: text for name, text in words.items() if text}}
    return details
