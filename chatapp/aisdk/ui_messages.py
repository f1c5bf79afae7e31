"""Stored messages as the AI SDK's UI messages, equal to what clients build from `chatapp.aisdk.ui_parts`."""

from uuid import UUID

from chatapp.aisdk.ui_parts import Part, Tool, final_part, source_parts, usage
from chatapp.chats.actions import FINAL
from chatapp.chats.models import Attachment, Message, Role, Session
from chatapp.chats.tree import Tree
from runs.lifecycle import queue
from runs.models import Run
from runs.queries.answers import answer_now
from runs.states import Status


def ui_messages(session: Session) -> list[dict]:
    """The messages of the visible branch, with the text so far, followed by the queue."""
    path = Tree(session).path_to(session.tip_id)
    messages = session.messages.prefetch_related("attachments").in_bulk(path)
    runs = _last_runs(session, path)
    encoded = [_ui_message(messages[pk], runs.get(pk)) for pk in path]
    waiting = [run.message.parent for run in queue.waiting(session)]
    return encoded + [_question(question) for question in waiting if question.pk not in messages]


def start_metadata(run: Run) -> dict:
    """The metadata at the start of a run's answer."""
    return {
        "session": str(run.session_id),
        "run": str(run.pk),
        "model": run.model.name if run.model else None,
        "createdAt": run.message.created_at.isoformat(),
    }


def _last_runs(session: Session, messages: list[UUID]) -> dict[UUID, Run]:
    runs = Run.objects.filter(session=session, message__in=messages).select_related("model", "message")
    return {run.message_id: run for run in runs.order_by("id")}


def _ui_message(message: Message, run: Run | None) -> dict:
    if message.role == Role.USER:
        return _question(message)
    parts = _parts(message, run)  # first, because it reloads the rows if the answer has ended meanwhile
    metadata = _metadata(run) if run else {"createdAt": message.created_at.isoformat()}
    return {"id": str(message.pk), "role": "assistant", "metadata": metadata, "parts": parts}


def _question(message: Message) -> dict:
    """A user's message, under its client's id if it has one."""
    metadata = {"createdAt": message.created_at.isoformat()}
    parts = [{"type": "text", "text": message.content}] if message.content else []
    parts += [_file(file) for file in message.attachments.all()]
    return {"id": message.key or str(message.pk), "role": "user", "metadata": metadata, "parts": parts}


def _file(file: Attachment) -> Part:
    """A data part, which clients can send back. A part of type `file` would be a URL to load."""
    data = {"name": file.name, "mediaType": file.media_type, "size": file.size, "text": file.text, "alt": file.alt}
    return {"type": "data-attachment", "id": str(file.pk), "data": data}


def _metadata(run: Run) -> dict:
    metadata = start_metadata(run)
    if run.prompt_tokens is not None and run.completion_tokens is not None:
        counts = {"prompt_tokens": run.prompt_tokens, "completion_tokens": run.completion_tokens}
        metadata["usage"] = usage(counts)
    if not run.is_final:
        return metadata
    if run.status == Status.FAILED:
        return {**metadata, "state": "failed", "code": run.code, "retryable": run.retryable}
    if run.status == Status.COMPLETED:
        return {**metadata, "state": "complete"}
    return {**metadata, "state": run.status, "reason": run.reason}


def _parts(message: Message, run: Run | None) -> list[Part]:
    answer = answer_now(message, run)
    state = "streaming" if run is not None and message.state not in FINAL else "done"
    parts: list[Part] = [{"type": "step-start"}]
    if answer.reasoning:
        parts.append({"type": "reasoning", "id": "reasoning-1", "text": answer.reasoning, "state": state})
    if answer.text:
        parts.append({"type": "text", "text": answer.text, "state": state})
    parts += [_tool(Tool.of(tool, message.pk)) for tool in answer.tools]
    return parts if state == "streaming" else parts + source_parts(answer.sources)


def _tool(tool: Tool) -> Part:
    encoded = final_part(tool)
    known = {
        "type": "dynamic-tool",
        "toolName": encoded["toolName"],
        "toolCallId": tool.call,
        "input": encoded["input"],
    }
    if encoded["type"] == "tool-input-error":
        return {**known, "state": "output-error", "errorText": encoded["errorText"]}
    return {**known, "state": "input-available"}
