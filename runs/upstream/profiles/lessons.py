"""Change a request that a server refused so that it may be accepted, and say what is to be learned from the refusal.

Servers that speak "the OpenAI-compatible protocol" take different subsets of it, and say so in words of their own. So a
refusal is read for the names of what was sent. Each lesson is applied at most once to a request, so that a request is
sent again a few times at most; never after its first token.
"""

import re
from typing import Any, NamedTuple

from runs.errors import RunError, UpstreamContextTooLong
from runs.models import RESERVED_PARAMETERS
from runs.upstream.profiles.profile import Profile, combine, layer_of
from runs.upstream.profiles.shaping import LIMITS

MAX_LESSONS = 5  # of one request
MESSAGE_CHARACTERS = 300  # of a refusal, kept for staff
REFUSALS = (400, 422)  # statuses that may be about a parameter
# llama.cpp answers 500 when the template of a model refuses the order of messages or their roles; it and servers in Go
# also do when they do not know a parameter, and then say so.
SERVER_REFUSALS = (*REFUSALS, 500)
# What a program asked for and must not lose unnoticed: the refusal reaches the program.
ESSENTIAL = frozenset({"tools", "tool_choice", "functions", "function_call", "response_format", "n", "audio"})
# Names that also occur in sentences: they count only in quotation marks, or where the server names the parameter.
WORDS = frozenset({"user", "stop", "store", "metadata", "reasoning", "thinking", "prediction", "provider", "models"})
# What servers also call a parameter.
_LIMIT = r"max_output_tokens|max_new_tokens|max(?:imum)? tokens"
_PENALTY = r"penalt(?:y|ies) (?:is|are) not"
_NO_REASONING = r"reasoning is (?:mandatory|required|not)"
OTHER_NAMES = {
    "max_tokens": _LIMIT,
    "max_completion_tokens": _LIMIT,
    "presence_penalty": _PENALTY,
    "frequency_penalty": _PENALTY,
    "reasoning": _NO_REASONING,
    "reasoning_effort": rf"{_NO_REASONING}|think(?:ing)?[_ ](?:level|budget|value|mode|is not)|not support thinking",
}

_STATUS = re.compile(r"\bHTTP (\d{3})\b")
_LIMITED_VALUE = re.compile(
    r"supported values|less than|greater than|between|at most|at least|maximum|minimum|<=|>=|≤|≥|range"
    r"|too (?:large|small|high|low|long)|strictly|[<>] ?\d|higher|must be one of|was reached",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(r"unsupported|unknown|unrecogni[sz]ed|unmarshal|unexpected|not support", re.IGNORECASE)
_ALTERNATE = re.compile(
    r"\balternat(?:e|es|ing|ion)\b|consecutive.{0,40}\brole|\brole.{0,40}consecutive|same role", re.IGNORECASE
)
_REFUSED = r"unsupported|not (?:be )?(?:supported|permitted|allowed)|unknown|unrecogni[sz]ed|unexpected"
_REASONING_REFUSED = re.compile(rf"messages.{{0,120}}\breasoning(?:_details)?\b.{{0,40}}(?:{_REFUSED})", re.IGNORECASE)
_ROLE = re.compile(
    r"(?:system|developer)['\"`]?\s*(?:role|messages?|prompts?|instructions?)?.{0,30}"
    r"(?:not (?:be )?(?:supported|enabled|allowed|permitted)|unsupported)"
    r"|does not support ['\"`]?(?:system|developer)"
    r"|(?:unknown|invalid|unexpected|unsupported)(?: message)? role:? ?['\"`]?(?:system|developer)"
    r"|only user,? (?:and )?assistant"
    r"|(?:unknown variant|invalid value:|\brole:) ?['\"`]?(?:system|developer)\b"
    r"|\bdeveloper['\"`]? is not one of|input should be ['\"`]?(?:system|user)['\"`]"
    r"|system message.{0,20}(?:must|should) be (?:at the beginning|(?:the )?first)",
    re.IGNORECASE,
)


class Lesson(NamedTuple):
    about: str  # name of a parameter, or of a field of a profile
    layer: dict[str, Any]  # of a profile
    message: str  # the server's, for staff
    is_kept: bool = True  # whether it holds for later requests, too


def may_teach(error: RunError) -> bool:
    """Whether the error is a refusal of the request itself."""
    return isinstance(error, UpstreamContextTooLong) or _refusal_of(error)[0] in SERVER_REFUSALS


def lesson_of(error: RunError, payload: dict[str, Any], profile: Profile) -> Lesson | None:
    """What the refusal of a request with this payload teaches; None if it names nothing that can be changed."""
    status, text, parameter = _refusal_of(error)
    if status not in SERVER_REFUSALS:
        return None
    message = text[:MESSAGE_CHARACTERS]
    if layer := _layer_for_messages(text, profile):
        return Lesson(next(iter(layer)), layer, message)
    if status not in REFUSALS and not _UNKNOWN.search(text):
        return None
    name = _named_parameter(text, parameter, payload)
    if name is None:
        return None
    is_kept = not _LIMITED_VALUE.search(text)
    if name in LIMITS:
        return _lesson_about_limit(name, text, message, is_kept, profile)
    return Lesson(name, {"omit": [name]}, message, is_kept)


def apply(lesson: Lesson, profile: Profile) -> Profile:
    """The profile with a lesson."""
    return combine([layer_of(profile), lesson.layer])


def _refusal_of(error: RunError) -> tuple[int, str, str]:
    """Status, text and parameter of a refusal."""
    text = str(error)
    status = getattr(error, "upstream_status", None) or _status_in(text)
    message = getattr(error, "upstream_message", "") or text
    parameter = getattr(error, "upstream_param", "") or _quoted_param(text)
    return status, str(message), str(parameter)


def _status_in(text: str) -> int:
    match = _STATUS.search(text)
    return int(match[1]) if match else 0


def _quoted_param(text: str) -> str:
    match = re.search(r'"param"\s*:\s*"([^"]{1,100})"', text)
    return match[1] if match else ""


def _layer_for_messages(text: str, profile: Profile) -> dict[str, Any]:
    """The layer for a refusal that is about the messages; empty if it is not."""
    if "reasoning_content" in text:
        is_missing = re.search(r"must be|missing|required|passed back", text, re.IGNORECASE)
        reasoning = "required" if is_missing and not re.search(_REFUSED, text, re.IGNORECASE) else "never"
        return {"reasoning": reasoning} if reasoning != profile.reasoning else {}
    if _REASONING_REFUSED.search(text) and profile.reasoning != "never":
        return {"reasoning": "never"}
    if "thought_signature" in text or "thoughtSignature" in text:
        return {} if profile.signatures else {"signatures": True}
    if _ALTERNATE.search(text):
        return {} if profile.alternate else {"alternate": True}
    if "prefix True" in text:  # Mistral's, of an answer that is to be completed
        return {} if profile.prefix else {"prefix": True}
    if _ROLE.search(text):
        return {} if profile.system == "user" else {"system": "user"}
    return {}


def _named_parameter(text: str, parameter: str, payload: dict[str, Any]) -> str | None:
    """The parameter of the payload that a refusal names first; one that has been left out before is not in it."""
    candidates = payload.keys() - RESERVED_PARAMETERS - ESSENTIAL
    path = re.split(r"[.\[\]/]", parameter)
    if (named := next((part for part in path if part in candidates), None)) is not None:
        return named
    places = {name: match.start() for name in sorted(candidates) if (match := _mention(name).search(text))}
    return min(places, key=lambda name: places[name]) if places else None


def _mention(name: str) -> re.Pattern[str]:
    """The name, the same in camel case, or another one that servers use."""
    first, *others = name.split("_")
    names = "|".join({re.escape(name), re.escape(first + "".join(map(str.capitalize, others)))})
    if name in WORDS:
        names = rf"(?<=['\"`]){name}(?=['\"`.])|(?:(?<=parameter )|(?<=model: )){name}\b"
    others_used = rf"|(?i:{OTHER_NAMES[name]})" if name in OTHER_NAMES else ""
    return re.compile(rf"(?<!\w)(?:{names}{others_used})(?!\w)")


def _lesson_about_limit(name: str, text: str, message: str, is_kept: bool, profile: Profile) -> Lesson:
    other = LIMITS[1 - LIMITS.index(name)]
    if re.search(rf"\b{other}\b", text) or (is_kept and not profile.max_tokens):
        return Lesson("max_tokens", {"max_tokens": other}, message)
    return Lesson(name, {"omit": list(LIMITS)}, message, is_kept)
