"""A run's events as a chat completion: a stream of chunks, or one object at the end."""

from datetime import datetime

import orjson

from chatapp.openai.citations import citations_in
from chatapp.openai.errors import RunFailed, error_body
from chatapp.openai.event_stream import DONE
from chatapp.openai.full_stream import RunEvent
from chatapp.openai.models import Exchange
from runs.states import StopReason
from runs.upstream.reading.finish_reasons import Ending, ending_of
from streams.events import Folded, Kind, ToolCalls

FINISH_REASONS = {Ending.LENGTH: "length", Ending.FILTER: "content_filter"}
STOPPED = "The answer was stopped."


class ChatCompletionFold:
    """Folds a run's events, and encodes each one as chunks."""

    def __init__(self, exchange: Exchange, *, includes_usage: bool = False) -> None:
        self._head = {
            "id": f"chatcmpl-{exchange.run_id.hex}",
            "created": int(exchange.run.queued_at.timestamp()),
            "model": exchange.echo["model"],
        }
        self._includes_usage = includes_usage
        self._folded, self._text, self._reasoning, self._calls = Folded(), [], [], ToolCalls()
        self._refusal: list[str] = []

    def encode(self, run_event: RunEvent, finished_at: datetime | None = None) -> bytes:
        """The frames for one event."""
        self.apply(run_event)
        match run_event.kind:
            case Kind.QUEUED:
                return self._chunk({"role": "assistant", "content": ""})
            case Kind.TEXT:
                name = "refusal" if "refusal" in run_event.data else "content"
                return self._chunk({name: run_event.data["text"]})
            case Kind.REASONING:
                return self._chunk({"reasoning_content": run_event.data["text"]})
            case Kind.TOOL:
                return self._chunk({"tool_calls": [_tool_chunk(run_event.data)]})
            case Kind.COMPLETED:
                return self._annotations_chunk() + self._chunk({}, self._finish_reason()) + self._usage_chunk() + DONE
        return self._failed() if run_event.is_final else b""

    def apply(self, run_event: RunEvent) -> None:
        folded = self._folded
        match run_event.kind:
            case Kind.TEXT:
                text = self._refusal if "refusal" in run_event.data else self._text
                text.append(run_event.data["text"])
            case Kind.REASONING:
                self._reasoning.append(run_event.data["text"])
            case Kind.TOOL:
                self._calls.add(run_event.data)
            case Kind.USAGE:
                folded.usage = run_event.data
            case Kind.SOURCES:
                folded.sources = run_event.data["sources"]
            case Kind.SNAPSHOT:  # the text so far was reasoning; a stream's chunks cannot be taken back
                self._text, self._reasoning = [run_event.data["text"]], [run_event.data["reasoning"]]
        if run_event.is_final:
            folded.final, folded.final_data, folded.tools = run_event.kind, run_event.data, self._calls.joined()

    def whole(self) -> dict:
        """The completion. Raises RunFailed unless the run completed."""
        if self._folded.final != Kind.COMPLETED:
            raise self._failure()
        content, refusal = "".join(self._text), "".join(self._refusal) or None
        has_other = refusal or self._folded.tools
        message = {"role": "assistant", "content": content or (None if has_other else ""), "refusal": refusal}
        if self._reasoning:
            message["reasoning_content"] = "".join(self._reasoning)
        if self._folded.tools:
            message["tool_calls"] = [_call(tool) for tool in self._folded.tools]
        if annotations := self._annotations():
            message["annotations"] = annotations
        choice = {"index": 0, "message": message, "finish_reason": self._finish_reason(), "logprobs": None}
        return self._head | {"object": "chat.completion", "choices": [choice], "usage": self._usage()}

    @property
    def counts(self) -> dict | None:
        """The usage as the upstream has counted it."""
        return self._folded.usage

    def _chunk(self, delta: dict, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return self.frame([choice])

    def _annotations(self) -> list[dict]:
        return [citation.of_chat() for citation in citations_in("".join(self._text), self._folded.sources)]

    def _annotations_chunk(self) -> bytes:
        """At the end, when it is known where the text refers to what."""
        return self._chunk({"annotations": self._annotations()}) if self._folded.sources else b""

    def _usage_chunk(self) -> bytes:
        usage = self._usage() if self._includes_usage else None
        return self.frame([], usage) if usage else b""

    def frame(self, choices: list[dict], usage: dict | None = None) -> bytes:
        chunk = self._head | {"object": "chat.completion.chunk", "choices": choices}
        if self._includes_usage:
            chunk["usage"] = usage
        return frame(chunk)

    def _finish_reason(self) -> str:
        reason = FINISH_REASONS.get(ending_of(self._folded.final_data.get("finish_reason", "")))
        return reason or ("tool_calls" if self._folded.tools else "stop")

    def _usage(self) -> dict | None:
        counts = self._folded.usage
        if not counts:
            return None
        prompt, completion = counts["prompt_tokens"], counts["completion_tokens"]
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        if cached := counts.get("cached_tokens"):
            usage["prompt_tokens_details"] = {"cached_tokens": cached}
        if reasoning := counts.get("reasoning_tokens"):
            usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
        return usage

    def _failure(self) -> RunFailed:
        return failure_of(self._folded.final, self._folded.final_data)

    def _failed(self) -> bytes:
        """An error instead of a chunk, without an end marker: clients raise it."""
        failure = self._failure()
        return frame(error_body(failure.status, failure.public_code, failure.message, failure.param))


def failure_of(kind: str | None, data: dict) -> RunFailed:
    """The error of a final event other than run.completed."""
    match kind:
        case Kind.FAILED:
            report = {name: data.get(name) for name in ("retry_after", "upstream", "retried")}
            return RunFailed(data["code"], data["message"], data["retryable"], **report)
        case Kind.LOST:
            return RunFailed("lost", data["message"], True)
    is_left = data.get("reason") == StopReason.VIEWER_LEFT
    return RunFailed("stopped", "The client disconnected." if is_left else STOPPED, False)


def _tool_chunk(delta: dict) -> dict:
    """A delta of a tool call; only the first one has the id."""
    function = {name: delta[name] for name in ("name", "arguments") if name in delta}
    chunk: dict = {"index": delta["index"], "function": function}
    return chunk | ({"id": delta["id"], "type": "function"} if "id" in delta else {}) | _extra(delta)


def _call(tool: dict) -> dict:
    function = {"name": tool["name"], "arguments": tool["arguments"]}
    return {"id": tool["id"] or f"call_{tool['index']}", "type": "function", "function": function} | _extra(tool)


def _extra(call: dict) -> dict:
    """What the provider attached to a call: it demands it back with the call's result."""
    return {"extra_content": call["extra_content"]} if "extra_content" in call else {}


def frame(value: dict) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(value)
