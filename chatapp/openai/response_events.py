"""Convert a run's events to those of a response, or to the response object.

A pure fold over the run's events from the first one, in any process and at any time. So each event always has the same
`sequence_number` (1, 2, 3 …), and a client that resumes gets exactly the rest. The run's events do not contain the time
of its end: `finished_at` is passed with the final event.
"""

from datetime import datetime

import orjson

from chatapp.openai.conversations import conversation_id
from chatapp.openai.event_stream import DONE
from chatapp.openai.full_stream import RunEvent
from chatapp.openai.models import Exchange
from chatapp.openai.response_output import MESSAGE, REASONING, REFUSAL, SUMMARY, CallItem, TextItem, TextKind
from runs.errors import (
    PromptEmpty,
    PromptTooLong,
    UpstreamContextTooLong,
    UpstreamQuotaExhausted,
    UpstreamRateLimited,
    UpstreamRejected,
)
from runs.upstream.reading.finish_reasons import Ending, ending_of
from streams.events import Kind

STOPPED = "response.cancelled"  # an addition to OpenAI's events: its streams break off there
INCOMPLETE_REASONS = {Ending.LENGTH: "max_output_tokens", Ending.FILTER: "content_filter"}
ERROR_CODES = {  # OpenAI's types; our own code is in `type`
    UpstreamRateLimited.code: "rate_limit_exceeded",
    UpstreamQuotaExhausted.code: "rate_limit_exceeded",
    UpstreamContextTooLong.code: "invalid_prompt",
    UpstreamRejected.code: "invalid_prompt",
    PromptEmpty.code: "invalid_prompt",
    PromptTooLong.code: "invalid_prompt",
}


class ResponseFold:
    """A response so far. `base` has the members of its object that events do not change."""

    def __init__(self, run: str, base: dict) -> None:
        self._run, self._base = run, base
        self._items: list[TextItem | CallItem] = []
        self._calls: dict[int, CallItem] = {}  # by the upstream's index
        has_summary = (base.get("reasoning") or {}).get("summary")
        self._reasoning_kind = SUMMARY if has_summary else REASONING
        self._sources: list[dict] = []
        self._cited: set[str] = set()  # addresses: each is cited once
        self._number = 0
        self._state = {"status": "queued" if base["background"] else "in_progress"}
        self.failure: dict | None = None  # data of the final event, if it was a failure

    def apply(self, run_event: RunEvent, finished_at: datetime | None = None) -> list[dict]:
        """The response events for one event of the run, in order."""
        return [self._numbered(event) for event in self._fold_event(run_event, finished_at)]

    def response(self) -> dict:
        """The current response."""
        return self._base | self._state | {"output": [item.object() for item in self._items]}

    @property
    def has_output(self) -> bool:
        return bool(self._items)

    def _numbered(self, event: dict) -> dict:
        self._number += 1
        return {"type": event["type"], "sequence_number": self._number, **event}

    def _fold_event(self, run_event: RunEvent, finished_at: datetime | None) -> list[dict]:
        match run_event.kind:
            case Kind.QUEUED:
                queued = [self._response_event("response.queued")] if self._base["background"] else []
                return [self._response_event("response.created"), *queued]
            case Kind.STARTED:
                self._state["status"] = "in_progress"
                return [self._response_event("response.in_progress")]
            case Kind.TEXT:
                return self._add_text(REFUSAL if "refusal" in run_event.data else MESSAGE, run_event.data["text"])
            case Kind.REASONING:
                return self._add_text(self._reasoning_kind, run_event.data["text"])
            case Kind.TOOL:
                return self._add_to_call(run_event.data)
            case Kind.USAGE:
                self._state["usage"] = usage_of(run_event.data)
            case Kind.SOURCES:
                self._sources = run_event.data["sources"]
        return self._end(run_event, finished_at) if run_event.is_final else []

    def _response_event(self, kind: str) -> dict:
        return {"type": kind, "response": self.response()}

    def _add_text(self, kind: TextKind, text: str) -> list[dict]:
        """Add to the open item if it is of this kind; otherwise end it and begin another."""
        item = self._items[-1] if self._items else None
        if isinstance(item, TextItem) and item.is_open and item.is_kind(kind):
            return item.add(text)
        ended = self._end_text()
        item = TextItem(kind, self._run, len(self._items))
        begun = item.begin()
        self._items.append(item)
        return [*ended, *begun, *item.add(text)]

    def _add_to_call(self, delta: dict) -> list[dict]:
        """Deltas of calls may alternate, so all calls stay open until the end."""
        call = self._calls.get(delta["index"])
        if call is not None:
            return call.add(delta)
        ended = self._end_text()
        call = self._calls[delta["index"]] = CallItem(self._run, len(self._items), delta["index"], delta)
        begun = call.begin(delta.get("name", ""))
        self._items.append(call)
        return [*ended, *begun, *call.add(delta)]

    def _end_text(self) -> list[dict]:
        events = []
        for item in self._items:
            if isinstance(item, TextItem) and item.is_open:
                events += self._cite(item) + item.end("completed")
        return events

    def _cite(self, item: TextItem) -> list[dict]:
        events = item.cite(self._sources, self._cited.__contains__)
        self._cited.update(event["annotation"]["url"] for event in events)
        return events

    def _end(self, run_event: RunEvent, finished_at: datetime | None) -> list[dict]:
        kind, state = _end_of(run_event, finished_at)
        self.failure = run_event.data if kind == "response.failed" else None
        is_whole = state["status"] == "completed"
        events = []
        for item in self._items:
            if item.is_open:
                events += self._cite(item) if isinstance(item, TextItem) else []
                events += item.end("completed" if is_whole else "incomplete")
        self._state |= state
        return [*events, self._response_event(kind)]


class ResponseEncoder:
    """Encodes the events after a `sequence_number` as server-sent events."""

    def __init__(self, fold: ResponseFold, after: int = 0) -> None:
        self._fold, self._after = fold, after

    def encode(self, run_event: RunEvent, finished_at: datetime | None = None) -> bytes:
        events = self._fold.apply(run_event, finished_at)
        frames = b"".join([_frame(event) for event in events if event["sequence_number"] > self._after])
        return frames + DONE if run_event.is_final else frames


def new_fold(exchange: Exchange) -> ResponseFold:
    """The fold of a response before its first event."""
    values = {
        "id": exchange.response_id,
        "object": "response",
        "created_at": int(exchange.run.queued_at.timestamp()),
        "completed_at": None,
        "background": exchange.is_background,
        "store": exchange.is_stored,
        "conversation": {"id": conversation_id(exchange.run.session_id)} if exchange.is_in_chat else None,
        "previous_response_id": f"resp_{exchange.previous.hex}" if exchange.previous else None,
        "error": None,
        "incomplete_details": None,
        "usage": None,
    }
    return ResponseFold(exchange.run_id.hex, values | exchange.echo)


def _end_of(run_event: RunEvent, finished_at: datetime | None) -> tuple[str, dict]:
    """The type of the last response event, and how it changes the response."""
    match run_event.kind:
        case Kind.COMPLETED if reason := INCOMPLETE_REASONS.get(ending_of(run_event.data["finish_reason"])):
            return "response.incomplete", {"status": "incomplete", "incomplete_details": {"reason": reason}}
        case Kind.COMPLETED:
            completed_at = int(finished_at.timestamp()) if finished_at else None
            return "response.completed", {"status": "completed", "completed_at": completed_at}
        case Kind.STOPPED:
            return STOPPED, {"status": "cancelled"}
    code = run_event.data.get("code", "lost")
    known = ERROR_CODES.get(code, "server_error")
    message = run_event.data.get("upstream", {}).get("message") or run_event.data["message"]
    error = {"code": known, "message": message, "type": code}
    return "response.failed", {"status": "failed", "error": error}


def usage_of(counts: dict) -> dict:
    """Not all upstreams send details, but the protocol requires them."""
    input_tokens, output_tokens = counts["prompt_tokens"], counts["completion_tokens"]
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": counts.get("cached_tokens", 0), "cache_write_tokens": 0},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": counts.get("reasoning_tokens", 0)},
        "total_tokens": input_tokens + output_tokens,
    }


def _frame(event: dict) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event))
