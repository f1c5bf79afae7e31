"""What comes of a case at the level of the client: as a run has it, without a worker, a database or a page."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from runs.errors import RunError
from runs.net.http1 import Client
from runs.upstream import chat_completions
from runs.upstream.request import UpstreamRequest
from runs.worker.recorder import Recorder
from streams.delivery.writer import AppendCursor
from streams.events import Event, Folded, Kind, fold
from tests.upstream.cases.case import Case

STREAM = UUID(int=1)
IDLE_SECONDS = 20.0


class EventKeeper:
    """Stands in for the batch writer: keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.batches, self.is_full = 0, False

    def open(self, stream: UUID, seq: int, on_fenced: object) -> AppendCursor:
        return AppendCursor(stream, seq, on_fenced)

    def write(self, cursor: AppendCursor, kind: str, data: bytes) -> None:
        cursor.seq += 1
        self.events.append(Event(STREAM, cursor.seq, kind, data))

    async def wait_for_room(self) -> None: ...

    async def flush(self) -> None:
        self.batches += 1

    def close(self, cursor: AppendCursor) -> None: ...


@dataclass
class Answer:
    """What a run would have."""

    events: list[Event] = field(default_factory=list)
    code: str = ""  # of the error; empty: it is complete
    sentence: str = ""  # the error's
    finish: str = ""
    attempts: int = 1

    @property
    def folded(self) -> Folded:
        return fold(self.events)


async def ask(client: Client, url: str, case: Case) -> Answer:
    """Request a case's answer as the engine does, without the pauses before retries."""
    keeper, answer = EventKeeper(), Answer()
    recorder = Recorder(keeper, STREAM, 0, lambda: None)
    payload = {"model": case.name, "messages": [{"role": "user", "content": "What is a wren?"}], "stream": True}
    request = UpstreamRequest(f"{url}/chat/completions", payload)
    try:
        while True:
            try:
                await chat_completions.stream(client, request, IDLE_SECONDS, recorder)
                break
            except RunError as error:
                if (pause := recorder.pause_before_retry(error)) is None:
                    raise
                await recorder.record_retry(error, pause)
                answer.attempts += 1
        recorder.raise_if_empty()
        answer.finish = recorder.finish_reason
    except RunError as error:
        answer.code, answer.sentence = error.code, error.message
    answer.events = keeper.events
    return answer


def faults(case: Case, answer: Answer) -> list[str]:
    """Where an answer is not what the case wants, as far as the client decides it."""
    want, folded, found = case.want, answer.folded, []
    code, words = answer.code, answer.sentence.lower()
    got: dict[str, Any] = {"status": "failed" if code else "completed", "finish": answer.finish, "code": code}
    got |= {"text": folded.text.strip(), "reasoning": folded.reasoning.strip(), "attempts": answer.attempts}
    counts = folded.usage
    got["usage"] = [counts["prompt_tokens"], counts["completion_tokens"]] if counts else None
    got["tools"] = [[tool["name"], tool["arguments"]] for tool in folded.tools]
    for key, value in got.items():
        wanted = want.get(key)
        wanted = list(wanted) if isinstance(wanted, tuple) else wanted
        wanted = wanted.strip() if isinstance(wanted, str) else wanted
        if key in want and value != wanted:
            found.append(f"{key} is {value!r}, not {wanted!r}")
    if "says" in want and not any(word in words for word in want["says"]):
        found.append(f"the sentence is {words!r}")
    if any(word in words for word in want.get("says_not", ())):
        found.append(f"the sentence is {words!r}")
    if sum(event.kind == Kind.USAGE for event in answer.events) > 1:
        found.append("counts are recorded more than once")
    if answer.attempts < want.get("attempts_min", 0):
        found.append(f"{answer.attempts} attempts")
    return found
