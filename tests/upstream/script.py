"""What an answer is told to do.

A script is a JSON object in a line of the last user message: `script: {"tokens": 50, "rate": 20}`; or it is
registered with `POST /scripts`, which answers a model id to ask for. Without one the default is spoken.
Positions (`hold`, `stall_after`, …) count the tokens already sent; reasoning and tool calls come before
the first one.
"""

import re
from dataclasses import dataclass, field, fields

import orjson

LINE = re.compile(r"^\s*script:\s*(\{.*\})\s*$", re.MULTILINE)


@dataclass
class Script:
    tag: str = ""  # names the request in /connections and /release; empty: one is made up

    # the answer
    tokens: int = 20  # w1 w2 w3 …: numbered, so that gaps and doubles show in the text
    text: list[str] | None = None  # these tokens instead
    stamp: bool = False  # w1@<monotonic s>: when each token was sent, for measuring
    reasoning: int = 0  # r1 r2 … before the text
    reasoning_key: str = "reasoning_content"
    tools: list[dict] = field(default_factory=list)  # [{"id", "name", "arguments"}], sent in small pieces
    sources: list[str] = field(
        default_factory=list
    )  # addresses of web pages, named with the beginning of the answer and its end
    then: dict | None = None  # a script of its own for requests that end with the result of a tool
    finish: str | None = "stop"  # finish_reason; null: none is sent
    usage: bool = True  # counts, if the request asks for them (stream_options.include_usage)
    done: bool = True  # the end marker, `data: [DONE]`

    # the pace
    rate: float = 0  # tokens a second; 0: as fast as the client reads
    per_write: int = 1  # tokens in one write to the socket
    split: int = 0  # bytes in one write, wherever that cuts; 0: whole events
    hold: list[int] = field(default_factory=list)  # wait for POST /release/{tag} at these positions
    jitter: bool = False  # begin somewhere within the first interval, so that streams do not march in step
    hold_headers: bool = False  # wait for a release before the response begins

    # the trouble
    stall_after: int | None = None  # silent for ever
    close_after: int | None = None  # the response ends properly, but without end marker
    reset_after: int | None = None  # the connection is reset
    error_after: int | None = None  # a JSON error inside the stream, then its end
    garbage_after: int | None = None  # an event that is no JSON
    comment_after: int | None = None  # an SSE comment, which is no trouble at all
    status: int = 200  # refuse with this one …
    times: int | None = None  # … but only the first so many requests of this tag
    retry_after: str | None = None  # header of a refusal
    error: str = "refused by the script"  # the refusal's message
    window: int | None = None  # tokens of the model's context: longer requests are refused, as OpenAI does
    content_type: str = "text/event-stream"
    on_kept: str | None = (
        None  # a connection that was used before is closed: "drop" when the request is taken, "cut_head"
    )
    hang_up: bool = False  # the connection is closed after the answer, though nothing says that it will be
    body: str | None = None  # this body instead of a stream
    newline: str = "\n"

    @classmethod
    def from_dict(cls, values: dict) -> "Script":
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise ValueError(f"no such thing in a script: {', '.join(sorted(unknown))}")
        return cls(**values)

    @property
    def length(self) -> int:
        return self.tokens if self.text is None else len(self.text)

    def count(self, body: dict) -> int:
        """Tokens of a request, for a model with a window: one for three bytes, and some around each message."""
        messages = body.get("messages", [])
        return sum(4 + len(orjson.dumps(message.get("content", ""))) // 3 for message in messages)

    def turning_points(self) -> list[int]:
        """The positions at which something other than the next token may happen, and the end."""
        points = {*self.hold, self.length}
        for name in ("stall", "close", "reset", "error", "garbage", "comment"):
            points.add(getattr(self, f"{name}_after"))
        return sorted(point for point in points if point is not None and point <= self.length)


def script_in(text: str) -> Script | None:
    """The script in a user's message, if there is one."""
    found = LINE.search(text)
    return Script.from_dict(orjson.loads(found.group(1))) if found else None


def last_user_text(body: dict) -> str:
    """The text of the last user message of a request, whether it is a string or a list of parts.

    Of a plain completion or an embedding: the prompt, or the last of the texts.
    """
    if subject := body.get("prompt", body.get("input")):
        return str(subject[-1] if isinstance(subject, list) else subject)
    for message in reversed(body.get("messages", [])):
        if message.get("role") == "user":
            content = message.get("content", "")
            if isinstance(content, str):
                return content
            return "\n".join(part.get("text", "") for part in content)
    return ""
