"""A context that is too long, in the shapes and words of many vendors: its own code, and the numbers that are said."""

import orjson
import pytest

from runs.upstream.failures.classify import failure_for, failure_of_response
from runs.upstream.failures.context_numbers import context_numbers
from runs.upstream.failures.report import report_in

# (message, limit, requested) as vendors word it
TOO_LONG = {
    "OpenAI": (
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. "
        "Please reduce the length of the messages.",
        8192,
        9001,
    ),
    "OpenAI, with a limit": (
        "This model's maximum context length is 4097 tokens. However, you requested 5000 tokens (4000 in the "
        "messages, 1000 in the completion). Please reduce the length of the messages or completion.",
        4097,
        5000,
    ),
    "OpenRouter": (
        "This endpoint's maximum context length is 32768 tokens. However, you requested about 40012 tokens "
        "(39012 of text input, 1000 in the output).",
        32768,
        40012,
    ),
    "vLLM 0.10": (
        "'max_tokens' or 'max_completion_tokens' is too large: 2000. This model's maximum context length is 4096 "
        "tokens and your request has 3000 input tokens (2000 > 4096 - 3000).",
        4096,
        3000,
    ),
    "vLLM decoder": ("The decoder prompt (length 9001) is longer than the maximum model length of 8192.", 8192, 9001),
    "llama.cpp": ("the request exceeds the available context size (4096 tokens), try increasing it", 4096, None),
    "llama.cpp, new": ("request (5000 tokens) exceeds the available context size (4096 tokens)", 4096, 5000),
    "Anthropic": ("prompt is too long: 210000 tokens > 200000 maximum", 200000, 210000),
    "Anthropic, sum": (
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
        200000,
        None,
    ),
    "Gemini": (
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        1048576,
        1200000,
    ),
    "Mistral": (
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        32768,
        40000,
    ),
    "TGI, Together": (
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 8000 `inputs` tokens "
        "and 512 `max_new_tokens`",
        8193,
        8000,
    ),
    "Fireworks": ("The prompt is too long: 140000, model maximum context length: 131071", 131071, 140000),
    "Cohere": (
        "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5292. Try using a "
        "shorter prompt.",
        4081,
        5292,
    ),
    "xAI": ("This model's maximum prompt length is 131072 but the request contains 150000 tokens.", 131072, 150000),
    "Moonshot": (
        "Invalid request: Your request exceeded model token limit: 131072 (requested: 140000)",
        131072,
        140000,
    ),
    "DashScope": ("<400> InternalError.Algo: Range of input length should be [1, 30720]", 30720, None),
    "Bedrock": ("Input is too long for requested model.", None, None),
    "Bedrock, with a limit": ("Input is too long. Max length is 8192 tokens. Please reduce it.", 8192, None),
    "Vertex": ("the input token count is 40000 but model only supports up to 32768.", 32768, 40000),
    "TGI": ("Input validation error: `inputs` must have less than 4095 tokens. Given: 5210", 4095, 5210),
    "Snowflake": ("max tokens of 4096 exceeded", 4096, None),
    "Databricks": ("Input is too long. The model's max input length is 8192 but got 9000 tokens", 8192, 9000),
    "Copilot": ("prompt token count of 150000 exceeds the limit of 128000", 128000, 150000),
    "a sum": ("The total number of tokens (input + output) must not exceed 65536. Got 70000.", 65536, 70000),
    "a quoted name": ("'prompt' is too long. Maximum length is 4096 tokens; got 5555.", 4096, 5555),
    "Zhipu": ("API 调用参数有误，输入长度超过模型最大上下文长度", None, None),
    "Volcengine": ("Total tokens of image and text exceed max message tokens", None, None),
    "LocalAI": ("rpc error: code = Internal desc = context shift is disabled", None, None),
    "characters": (
        "Your input is too long: string too long. Expected a string with maximum length 1048576, got length 1300000",
        None,
        None,
    ),
    "Cloudflare": (
        "The estimated number of input and maximum output tokens (5000) exceeded this model context window limit "
        "(4096).",
        4096,
        5000,
    ),
    "SGLang": (
        "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        4096,
        5000,
    ),
    "TabbyAPI": ("Prompt length 5000 is greater than max_seq_len 4096", 4096, 5000),
    "text-generation-webui": ("Requested 9001 tokens, the context length is 8192.", 8192, 9001),
    "LM Studio": (
        "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context "
        "length of only 4096 tokens, which is not enough.",
        4096,
        None,
    ),
    "Cerebras": (
        "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
        8192,
        9000,
    ),
    "Groq, per minute": (
        "Request too large for model `openai/gpt-oss-120b` in organization `org_1` service tier `on_demand` on tokens "
        "per minute (TPM): Limit 6000, Requested 7000, please reduce your message size and try again.",
        6000,
        7000,
    ),
    "Ollama": ("prompt too long; exceeded max context length by 812 tokens", None, None),
    "LiteLLM": ("litellm.ContextWindowExceededError: litellm.BadRequestError: context window exceeded", None, None),
}

ERROR_SHAPES = {
    "OpenAI": lambda words: {"error": {"message": words, "type": "invalid_request_error", "param": None, "code": None}},
    "a string": lambda words: {"error": words},
    "a list": lambda words: [{"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}],
    "vLLM": lambda words: {"object": "error", "message": words, "type": "BadRequestError", "param": None, "code": 400},
    "FastAPI": lambda words: {"detail": words},
    "FastAPI's validation": lambda words: {"detail": [{"loc": ["body", "messages"], "msg": words, "type": "x"}]},
    "Mistral": lambda words: {"object": "error", "message": {"detail": [{"loc": ["body"], "msg": words}]}},
    "Anthropic": lambda words: {"type": "error", "error": {"type": "invalid_request_error", "message": words}},
    "MiniMax": lambda words: {"base_resp": {"status_code": 2013, "status_msg": words}},
    "DashScope": lambda words: {"code": "InvalidParameter", "message": words, "request_id": "r"},
    "Cloudflare": lambda words: {"success": False, "errors": [{"code": 5006, "message": words}], "result": None},
    "Bedrock": lambda words: {"__type": "ValidationException", "message": words},
    "Baidu": lambda words: {"error_code": 336003, "error_msg": words},
    "Apigee": lambda words: {"fault": {"faultstring": words, "detail": {"errorcode": "x"}}},
    "OpenRouter": lambda words: {"error": {"message": "Provider returned error", "metadata": {"raw": words}}},
}


@pytest.mark.parametrize("shape", ERROR_SHAPES)
def test_a_context_that_is_too_long_has_its_own_code_in_every_shape(shape):  # B66
    for words, _, _ in TOO_LONG.values():
        _assert_too_long(words, shape)


def _assert_too_long(words: str, shape: str) -> None:
    value = ERROR_SHAPES[shape](words)
    error = failure_of_response(400, {}, orjson.dumps(value))
    assert (error.code, error.retryable, error.is_transient) == ("context_length_exceeded", False, False)
    assert words in error.upstream_message
    in_stream = report_in(value, is_error=shape in ("FastAPI", "FastAPI's validation"))
    assert in_stream is not None and failure_for(in_stream).code == "context_length_exceeded"


@pytest.mark.parametrize("vendor", TOO_LONG)
def test_the_numbers_of_a_context_that_is_too_long_are_read(vendor):  # B66
    words, limit, requested = TOO_LONG[vendor]
    assert context_numbers(words) == (limit, requested)
