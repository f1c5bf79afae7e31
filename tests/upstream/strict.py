"""A model server that refuses what a vendor refuses, in that vendor's words (shortened), and otherwise says "Hi."."""

import asyncio
import contextlib
import json
from collections.abc import Callable

ANSWER = (
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi."},"finish_reason":null}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)
Refusal = tuple[int, object] | None


def _openai(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    return 400, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def _alternates(body: dict, *, leading: tuple[str, ...] = ("system",)) -> bool:
    roles = [message["role"] for message in body["messages"] if message["role"] != "tool"]
    while roles and roles[0] in leading:
        roles.pop(0)
    return all(role == ("user" if index % 2 == 0 else "assistant") for index, role in enumerate(roles))


def openai_reasoning(body: dict) -> Refusal:
    if "max_tokens" in body and "max_completion_tokens" in body:
        return _openai(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            "max_tokens",
            "invalid_parameter_combination",
        )
    if "max_tokens" in body:
        return _openai(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'"
            " instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    if body.get("max_completion_tokens", 16) < 16:
        return _openai("Invalid 'max_completion_tokens': integer below minimum value. Expected a value >= 16.")
    if body.get("temperature", 1) != 1:
        return _openai(
            f"Unsupported value: 'temperature' does not support {body['temperature']} with this model. Only the default"
            " (1) value is supported.",
            "temperature",
            "unsupported_value",
        )
    return None


def azure_old(body: dict) -> Refusal:
    return _openai("Unrecognized request argument supplied: stream_options") if "stream_options" in body else None


def azure_serverless(body: dict) -> Refusal:
    if "stream_options" not in body:
        return None
    return 400, {
        "detail": "Extra parameters ['stream_options'] are not allowed when extra-parameters is not set or set to be"
        " 'error'. Set extra-parameters to 'pass-through' to pass to the model."
    }


def mistral_old(body: dict) -> Refusal:
    if "stream_options" not in body:
        return None
    detail = {
        "type": "extra_forbidden",
        "loc": ["body", "stream_options", "include_usage"],
        "msg": "Extra inputs are not permitted",
        "input": True,
    }
    return 422, {"object": "error", "message": {"detail": [detail]}, "type": "invalid_request_error", "param": None}


def alternating(body: dict) -> Refusal:
    if _alternates(body):
        return None
    message = "After the (optional) system message(s), user and assistant roles should be alternating."
    return 400, {"error": {"message": message, "type": "invalid_message", "code": 400}}


def gemma(body: dict) -> Refusal:
    if any(message["role"] == "system" for message in body["messages"]):
        return 400, {"object": "error", "message": "System role not supported", "type": "BadRequestError", "code": 400}
    if not _alternates(body):
        message = "Conversation roles must alternate user/assistant/user/assistant/..."
        return 400, {"object": "error", "message": message, "type": "BadRequestError", "code": 400}
    return None


def llamacpp_template(body: dict) -> Refusal:
    if _alternates(body):
        return None
    message = "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/..."
    return 500, {"error": {"code": 500, "message": message, "type": "server_error"}}


def last_user(body: dict) -> Refusal:
    if body["messages"][-1]["role"] in ("user", "tool"):
        return None
    message = "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"
    return 400, {"object": "error", "message": message, "type": "invalid_request_message_order", "code": "3230"}


def kimi(body: dict) -> Refusal:
    if body.get("temperature", 1) == 1:
        return None
    message = "invalid temperature: only 1 is allowed for this model"
    return 400, {"error": {"message": message, "type": "invalid_request_error"}}


def deepseek_thinking(body: dict) -> Refusal:
    if all("reasoning_content" in message for message in body["messages"] if message.get("tool_calls")):
        return None
    return _openai("The `reasoning_content` in the thinking mode must be passed back to the API.")


def reasoning_refused(body: dict) -> Refusal:
    if not any("reasoning_content" in message for message in body["messages"]):
        return None
    return _openai("Unrecognized field in messages[2]: reasoning_content")


def gemini3(body: dict) -> Refusal:
    for index, message in enumerate(body["messages"]):
        for call in message.get("tool_calls") or ():
            if "thought_signature" not in json.dumps(call.get("extra_content") or {}):
                text = f"Function call is missing a thought_signature in functionCall parts. Position {index}."
                return 400, [{"error": {"code": 400, "message": text, "status": "INVALID_ARGUMENT"}}]
    return None


def no_nulls(body: dict) -> Refusal:
    return (422, {"detail": "null"}) if any(value is None for value in body.values()) else None


CHECKS: dict[str, Callable[[dict], Refusal]] = {
    check.__name__: check
    for check in (
        openai_reasoning,
        azure_old,
        azure_serverless,
        mistral_old,
        alternating,
        gemma,
        llamacpp_template,
        last_user,
        kimi,
        deepseek_thinking,
        reasoning_refused,
        gemini3,
        no_nulls,
    )
}


class StrictServer:
    """Checks each request with `checks` first. Keeps the bodies, and how many it has refused."""

    def __init__(self, *checks: Callable[[dict], Refusal]):
        self.checks, self.bodies, self.refusals = checks, [], 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1/chat/completions"
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            self.bodies.append(json.loads(await reader.readexactly(length)))
            refused = next(filter(None, (check(self.bodies[-1]) for check in self.checks)), None)
            self.refusals += refused is not None
            status, kind, body = 200, "text/event-stream", ANSWER
            if refused is not None:
                status, kind, body = refused[0], "application/json", json.dumps(refused[1]).encode()
            lines = [f"HTTP/1.1 {status} Status", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
            writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
            await writer.drain()
        writer.close()
