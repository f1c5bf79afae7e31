"""Telling a run's events as those of a response, or as the response's object.

A pure fold: what is told depends on the events alone, from the first one on, and not on when or where they are read. So
each event always has the same `sequence_number` (1, 2, 3 …), and whoever comes back with one is told exactly the rest.
The end of the run, which no event has the time of, comes with the final event (`finished_at`).
"""

from datetime import datetime

import orjson

from chatapp.openai.event_stream import DONE
from chatapp.openai.full_stream import Said
from chatapp.openai.models import Exchange
from chatapp.openai.response_output import MESSAGE, REASONING, CallItem, TextItem, Words
from runs.errors import PromptEmpty, PromptTooLong, UpstreamRateLimited, UpstreamRejected
from streams.events import Kind

STOPPED = "response.cancelled"  # beside OpenAI's own events: its streams just break off there
CUT_SHORT = {"length": "max_output_tokens", "content_filter": "content_filter"}  # an upstream's word, OpenAI's word
ERROR_CODES = {  # the few that OpenAI's types know; ours is told beside it
    UpstreamRateLimited.code: "rate_limit_exceeded",
    UpstreamRejected.code: "invalid_prompt",
    PromptEmpty.code: "invalid_prompt",
    PromptTooLong.code: "invalid_prompt",
}


class Telling:
    """What a response has said so far. `base` is its object without what events change."""

    def __init__(self, run: str, base: dict) -> None:
        self._run, self._base = run, base
        self._items: list[TextItem | CallItem] = []
        self._calls: dict[int, CallItem] = {}  # by the upstream's index
        self._number = 0
        self._state = {"status": "queued" if base["background"] else "in_progress"}
        self.failure: dict | None = None  # data of the final event, where it was a failure

    def hear(self, said: Said, finished_at: datetime | None = None) -> list[dict]:
        """The events that one event of the run becomes, in their order."""
        return [self._numbered(event) for event in self._hear(said, finished_at)]

    def response(self) -> dict:
        """The response as it is now."""
        return self._base | self._state | {"output": [item.object() for item in self._items]}

    @property
    def has_output(self) -> bool:
        return bool(self._items)

    def _numbered(self, event: dict) -> dict:
        self._number += 1
        return {"type": event["type"], "sequence_number": self._number, **event}

    def _hear(self, said: Said, finished_at: datetime | None) -> list[dict]:
        match said.kind:
            case Kind.QUEUED:
                queued = [self._whole("response.queued")] if self._base["background"] else []
                return [self._whole("response.created"), *queued]
            case Kind.STARTED:
                self._state["status"] = "in_progress"
                return [self._whole("response.in_progress")]
            case Kind.TEXT:
                return self._add_text(MESSAGE, said.data["text"])
            case Kind.REASONING:
                return self._add_text(REASONING, said.data["text"])
            case Kind.TOOL:
                return self._add_to_call(said.data)
            case Kind.USAGE:
                self._state["usage"] = _usage(said.data)
        return self._end(said, finished_at) if said.is_final else []

    def _whole(self, kind: str) -> dict:
        return {"type": kind, "response": self.response()}

    def _add_text(self, words: Words, text: str) -> list[dict]:
        """To the item that is being written, if it is of this kind; else that one is done, and another begins."""
        item = self._items[-1] if self._items else None
        if isinstance(item, TextItem) and item.is_open and item.is_a(words):
            return item.add(text)
        ended = self._end_text()
        item = TextItem(words, self._run, len(self._items))
        begun = item.begin()
        self._items.append(item)
        return [*ended, *begun, *item.add(text)]

    def _add_to_call(self, delta: dict) -> list[dict]:
        """Calls may be told in turns, so all of them stay open until the end."""
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
                events += item.end("completed")
        return events

    def _end(self, said: Said, finished_at: datetime | None) -> list[dict]:
        kind, state = _end_of(said, finished_at)
        self.failure = said.data if kind == "response.failed" else None
        is_whole = state["status"] == "completed"
        events = []
        for item in self._items:
            if item.is_open:
                events += item.end("completed" if is_whole else "incomplete")
        self._state |= state
        return [*events, self._whole(kind)]


class ResponseTeller:
    """Frames of server-sent events for those after a `sequence_number`."""

    def __init__(self, telling: Telling, after: int = 0) -> None:
        self._telling, self._after = telling, after

    def tell(self, said: Said, finished_at: datetime | None = None) -> bytes:
        events = self._telling.hear(said, finished_at)
        frames = b"".join([_frame(event) for event in events if event["sequence_number"] > self._after])
        return frames + DONE if said.is_final else frames


def telling_of(exchange: Exchange) -> Telling:
    """One that has not heard anything yet."""
    values = {
        "id": exchange.response_id,
        "object": "response",
        "created_at": int(exchange.run.queued_at.timestamp()),
        "completed_at": None,
        "background": exchange.is_background,
        "store": exchange.is_stored,
        "previous_response_id": f"resp_{exchange.previous.hex}" if exchange.previous else None,
        "error": None,
        "incomplete_details": None,
        "usage": None,
    }
    return Telling(exchange.run_id.hex, values | exchange.echo)


def _end_of(said: Said, finished_at: datetime | None) -> tuple[str, dict]:
    """The last event, and what it makes of the response."""
    match said.kind:
        case Kind.COMPLETED if reason := CUT_SHORT.get(said.data["finish_reason"]):
            return "response.incomplete", {"status": "incomplete", "incomplete_details": {"reason": reason}}
        case Kind.COMPLETED:
            completed_at = int(finished_at.timestamp()) if finished_at else None
            return "response.completed", {"status": "completed", "completed_at": completed_at}
        case Kind.STOPPED:
            return STOPPED, {"status": "cancelled"}
    code = said.data.get("code", "lost")
    known = ERROR_CODES.get(code, "server_error")
    error = {"code": known, "message": said.data["message"], "type": code}
    return "response.failed", {"status": "failed", "error": error}


def _usage(counts: dict) -> dict:
    """Upstreams of all kinds tell two counts; the protocol wants details, too."""
    taken, given = counts["prompt_tokens"], counts["completion_tokens"]
    return {
        "input_tokens": taken,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": given,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": taken + given,
    }


def _frame(event: dict) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event))
