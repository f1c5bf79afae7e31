# ruff: noqa: E501
"""What strict servers refuse of a request, each in its own words (shortened)."""

import json


def roles(body):
    return [m["role"] for m in body["messages"]]


def alternates(body):
    left = list(roles(body))
    while left and left[0] == "system":
        left.pop(0)
    return all(role == ("user" if i % 2 == 0 else "assistant") for i, role in enumerate(left))


def openai_error(message, param=None, code=None, kind="invalid_request_error"):
    return 400, {"error": {"message": message, "type": kind, "param": param, "code": code}}


def refusal_of(name, body):
    """(status, object) of a refusal, or None. Each as the vendor words it (shortened)."""
    if name == "openai-reasoning":  # o-series, gpt-5
        if "max_tokens" in body and "max_completion_tokens" in body:
            return openai_error(
                "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
                "max_tokens",
                "invalid_parameter_combination",
            )
        if "max_tokens" in body:
            return openai_error(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                "max_tokens",
                "unsupported_parameter",
            )
        if body.get("temperature", 1) != 1:
            return openai_error(
                f"Unsupported value: 'temperature' does not support {body['temperature']} with this model. Only the default (1) value is supported.",
                "temperature",
                "unsupported_value",
            )
    if name == "azure-old" and "stream_options" in body:
        return openai_error("Unrecognized request argument supplied: stream_options")
    if name == "azure-serverless" and "stream_options" in body:
        return 400, {
            "detail": "Extra parameters ['stream_options'] are not allowed when extra-parameters is not set or set to be 'error'. Set extra-parameters to 'pass-through' to pass to the model."
        }
    if name == "mistral-old" and "stream_options" in body:
        return 422, {
            "object": "error",
            "message": {
                "detail": [
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "stream_options", "include_usage"],
                        "msg": "Extra inputs are not permitted",
                        "input": True,
                    }
                ]
            },
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    if name == "alternating" and not alternates(body):
        return 400, {
            "error": {
                "message": "After the (optional) system message(s), user and assistant roles should be alternating.",
                "type": "invalid_message",
                "code": 400,
            }
        }
    if name == "gemma":
        if "system" in roles(body):
            return 400, {
                "object": "error",
                "message": "System role not supported",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            }
        if not alternates(body):
            return 400, {
                "object": "error",
                "message": "Conversation roles must alternate user/assistant/user/assistant/...",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            }
    if name == "last-user" and roles(body)[-1] not in ("user", "tool"):
        return 400, {
            "object": "error",
            "message": "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
            "type": "invalid_request_message_order",
            "param": None,
            "code": "3230",
        }
    if name == "kimi" and body.get("temperature", 1) != 1:
        return 400, {
            "error": {
                "message": "invalid temperature: only 1 is allowed for this model",
                "type": "invalid_request_error",
            }
        }
    if name == "deepseek-thinking":
        for m in body["messages"]:
            if m.get("tool_calls") and "reasoning_content" not in m:
                return openai_error(
                    "The `reasoning_content` in the thinking mode must be passed back to the API.",
                    code="invalid_request_error",
                )
    if name == "gemini3":
        for i, m in enumerate(body["messages"]):
            for call in m.get("tool_calls") or ():
                if "thought_signature" not in json.dumps(call.get("extra_content") or {}):
                    return 400, [
                        {
                            "error": {
                                "code": 400,
                                "message": f"Function call is missing a thought_signature in functionCall parts. Function call `{call['function']['name']}`, position {i}.",
                                "status": "INVALID_ARGUMENT",
                            }
                        }
                    ]
    if name == "no-nulls" and any(v is None for v in body.values()):
        return 422, {"detail": "null"}
    return None
