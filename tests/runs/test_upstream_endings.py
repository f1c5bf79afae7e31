"""Variants of ends, errors, counts, sources and frames as model servers send them, and what is read of them."""

import json

import pytest

from runs.upstream.failures.classify import failure_of_response
from runs.upstream.reading.finish_reasons import Ending, ending_of
from tests.runs.reading import CUTS, body_of, chunk, read_now, read_of

# -- the end, and errors ------------------------------------------------------------------------------

REASONS = {
    Ending.COMPLETE: """stop end_turn eos eos_token stop_sequence tool_calls function_call tool_use COMPLETE STOP
        end_of_turn done stop_token tool-calls""",
    Ending.LENGTH: """length max_tokens MAX_TOKENS model_length max_output_tokens max_new_tokens
        model_context_window_exceeded ERROR_LIMIT maxTokens token_limit_reached max_completion_tokens""",
    Ending.FILTER: """content_filter SAFETY sensitive guardrail_intervened RECITATION PROHIBITED_CONTENT SPII BLOCKLIST
        ERROR_TOXIC content-filter refusal IMAGE_SAFETY contentFiltered FINISH_REASON_SAFETY""",
    Ending.BROKEN: """error abort insufficient_system_resource network_error cancelled MALFORMED_FUNCTION_CALL
        UNEXPECTED_TOOL_CALL engine_error upstream_error timeout ERROR failed TOO_MANY_TOOL_CALLS server_error
        model_stream_error provider_error""",
}


@pytest.mark.parametrize(
    ("reason", "ending"), [(name, ending) for ending, names in REASONS.items() for name in names.split()]
)
def test_each_server_s_finish_reason_means_what_it_says(reason, ending):
    assert ending_of(reason) is ending


IN_STREAM = {
    "OpenAI": (
        {"error": {"message": "The server had an error", "type": "server_error", "code": None}},
        "upstream_failed",
    ),
    "OpenAI, rate": (
        {"error": {"message": "Rate limit reached for gpt-5", "type": "tokens", "code": "rate_limit_exceeded"}},
        "upstream_rate_limited",
    ),
    "OpenRouter": (
        {
            "id": "g",
            "error": {
                "code": 502,
                "message": "Provider disconnected",
                "metadata": {"error_type": "provider_unavailable"},
            },
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
        },
        "upstream_failed",
    ),
    "OpenRouter, overloaded": (
        {"error": {"code": 529, "message": "Overloaded"}, "choices": []},
        "upstream_unavailable",
    ),
    "Gemini": (
        [{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}],
        "upstream_unavailable",
    ),
    "Gemini, rate": (
        {"error": {"code": 429, "message": "Resource exhausted", "status": "RESOURCE_EXHAUSTED"}},
        "upstream_rate_limited",
    ),
    "Anthropic": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        "upstream_unavailable",
    ),
    "Bedrock": ({"throttlingException": {"message": "Too many requests"}}, "upstream_rate_limited"),
    "Bedrock, the stream": ({"modelStreamErrorException": {"message": "It broke"}}, "upstream_failed"),
    "Bedrock, the type": (
        {"__type": "ThrottlingException", "message": "Too many tokens, please wait before trying again."},
        "upstream_rate_limited",
    ),
    "Mistral": (
        {
            "object": "error",
            "message": "Service tier capacity exceeded",
            "type": "invalid_request_error",
            "code": "3505",
        },
        "upstream_failed",
    ),
    "vLLM": (
        {"object": "error", "message": "EngineCore died", "type": "InternalServerError", "code": 500},
        "upstream_failed",
    ),
    "SGLang": (
        {
            "error": {
                "object": "error",
                "message": "The request queue is full.",
                "type": "service_unavailable",
                "code": 503,
            }
        },
        "upstream_failed",
    ),
    "Ollama": ({"error": "an error was encountered while running the model: unexpected EOF"}, "upstream_failed"),
    "Ollama, openai": (
        {"error": {"message": "llama runner process has terminated", "type": "api_error", "param": None, "code": None}},
        "upstream_failed",
    ),
    "llama.cpp": ({"error": {"code": 500, "message": "failed to decode", "type": "server_error"}}, "upstream_failed"),
    "LM Studio": ('event: error\ndata: {"error": {"message": "The model has crashed"}}', "upstream_failed"),
    "LiteLLM": (
        {"error": {"message": "litellm.MidStreamFallbackError", "type": "None", "param": "None", "code": "500"}},
        "upstream_failed",
    ),
    "MiniMax": ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, "upstream_rate_limited"),
    "Zhipu": ({"error": {"code": "1302", "message": "too many"}}, "upstream_rate_limited"),
    "DashScope": (
        {"code": "DataInspectionFailed", "message": "Output data may contain it.", "request_id": "x"},
        "upstream_rejected",
    ),
    "Moonshot": (
        {"error": {"message": "The engine is currently overloaded", "type": "engine_overloaded_error"}},
        "upstream_unavailable",
    ),
    "Groq": (
        'event: error\ndata: {"error": {"message": "Over capacity", "type": "internal_server_error"}}',
        "upstream_failed",
    ),
    "Fireworks": (
        {"error": {"object": "error", "type": "internal_server_error", "message": "It broke"}},
        "upstream_failed",
    ),
    "Together": ({"error": {"message": "Service unavailable", "type_": "service_unavailable"}}, "upstream_failed"),
    "Perplexity": ({"error": {"message": "It broke", "type": "internal_error", "code": 500}}, "upstream_failed"),
    "Cohere": ({"type": "error", "message": "internal server error"}, "upstream_failed"),
    "xAI": (
        {"code": "The service is currently unavailable", "error": "Service temporarily unavailable."},
        "upstream_failed",
    ),
    "Azure": (
        {"error": {"code": "content_filter", "message": "The response was filtered", "innererror": {}}},
        "upstream_rejected",
    ),
    "a proxy": ("data: upstream connect error or disconnect/reset before headers", "upstream_failed"),
    "a proxy's page": ("data: <html><body>502 Bad Gateway</body></html>", "upstream_garbage"),
}


@pytest.mark.parametrize("server", IN_STREAM)
def test_an_error_in_the_stream_keeps_the_text_and_says_what_it_is(server):
    event, code = IN_STREAM[server]
    for cuts in CUTS:
        got, _ = read_now(body_of(chunk({"content": "Hi"}), event), cuts)
        assert got.text == "Hi" and got.error is not None and got.error.code == code


REFUSALS = [
    (401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}, "upstream_unauthorized"),
    (400, {"error": {"message": "API key not valid.", "status": "INVALID_ARGUMENT"}}, "upstream_unauthorized"),
    (402, {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}, "upstream_quota_exhausted"),
    (
        429,
        {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}},
        "upstream_quota_exhausted",
    ),
    (402, {"error": {"message": "This request requires more credits", "code": 402}}, "upstream_quota_exhausted"),
    (403, {"error": {"message": "Your input was flagged", "metadata": {"reasons": ["x"]}}}, "upstream_rejected"),
    (404, {"error": {"message": "model 'llama9' not found", "type": "api_error"}}, "upstream_not_found"),
    (
        404,
        {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist"}},
        "upstream_not_found",
    ),
    (400, {"error": {"message": "x is not a valid model ID", "code": 400}}, "upstream_not_found"),
    (503, {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, "upstream_loading"),
    (503, {"error": "Model Qwen/Qwen3 is currently loading", "estimated_time": 20.0}, "upstream_loading"),
    (503, {"message": "no healthy upstream"}, "upstream_unavailable"),
    (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "upstream_unavailable"),
    (498, {"error": {"message": "flex tier capacity exceeded"}}, "upstream_unavailable"),
    (408, {"error": {"message": "Request timed out"}}, "upstream_timeout"),
    (500, {"detail": "Internal Server Error"}, "upstream_failed"),
    (424, {"message": "Model error"}, "upstream_unavailable"),
    (429, {"message": "Requests rate limit exceeded", "request_id": "x"}, "upstream_rate_limited"),
    (
        413,
        {"error": {"message": "Request too large for model", "code": "rate_limit_exceeded"}},
        "context_length_exceeded",
    ),
    (
        400,
        {"object": "error", "message": "This model's maximum context length is 4096 tokens.", "code": 400},
        "context_length_exceeded",
    ),
    (
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size",
                "type": "exceed_context_size_error",
                "n_ctx": 4096,
            }
        },
        "context_length_exceeded",
    ),
    (
        400,
        {"error": {"message": "Range of input length should be [1, 30720]", "code": "invalid_parameter_error"}},
        "context_length_exceeded",
    ),
    (400, {"message": "Input is too long for requested model."}, "context_length_exceeded"),
    (
        400,
        {"error": {"message": "prompt is too long: 5000 tokens > 4096 maximum", "type": "invalid_request_error"}},
        "context_length_exceeded",
    ),
    (
        400,
        {
            "error": {
                "code": 400,
                "message": "The input token count (5000) exceeds the maximum number of tokens allowed (4096).",
                "status": "INVALID_ARGUMENT",
            }
        },
        "context_length_exceeded",
    ),
    (
        422,
        {"detail": [{"loc": ["body", "temperature"], "msg": "must be less than 2", "type": "value_error"}]},
        "upstream_rejected",
    ),
    (
        403,
        {"error": {"code": "unsupported_country_region_territory", "message": "Country not supported"}},
        "upstream_forbidden",
    ),
]


@pytest.mark.parametrize(("status", "body", "code"), REFUSALS)
def test_a_refusal_has_the_code_of_what_it_says(status, body, code):
    assert failure_of_response(status, {}, json.dumps(body).encode()).code == code


# -- counts, sources and frames -----------------------------------------------------------------------

BOTH = {"prompt_tokens": 3, "completion_tokens": 5}
USAGES = {
    "OpenAI": {"choices": [], "usage": BOTH | {"total_tokens": 8, "prompt_tokens_details": None}},
    "Anthropic's names": {"choices": [], "usage": {"input_tokens": 3, "output_tokens": 5}},
    "Gemini's names": {"choices": [], "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 5}},
    "Bedrock's names": {"choices": [], "usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}},
    "Groq": {"choices": [], "x_groq": {"id": "r", "usage": BOTH}},
    "llama.cpp": {"choices": [], "timings": {"prompt_n": 3, "predicted_n": 5}},
    "Moonshot": {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": BOTH}]},
    "OpenRouter": {"choices": [{"delta": {"content": ""}, "finish_reason": None}], "usage": BOTH | {"cost": 0.1}},
    "no choices at all": {"usage": BOTH},
    "choices of null": {"choices": None, "usage": BOTH},
    "as floats": {"choices": [], "usage": {"prompt_tokens": 3.0, "completion_tokens": 5.0}},
    "as strings": {"choices": [], "usage": {"prompt_tokens": "3", "completion_tokens": "5"}},
}


@pytest.mark.parametrize("server", USAGES)
def test_counts_are_read_under_each_server_s_names(server):
    assert read_of(chunk({"content": "Hi"}), USAGES[server]).usage == BOTH


URL = "https://wrens.example/1"
SOURCES = {
    "Perplexity": chunk({"content": ""}, citations=[URL]),
    "Perplexity's results": chunk({}, "stop", search_results=[{"title": "Wrens", "url": URL, "date": None}]),
    "OpenAI": chunk({"annotations": [{"type": "url_citation", "url_citation": {"url": URL, "title": "Wrens"}}]}),
    "xAI": {"choices": [], "citations": [URL]},
    "DashScope": {"choices": [], "search_info": {"search_results": [{"index": 1, "title": "Wrens", "url": URL}]}},
    "Zhipu": {"choices": [], "web_search": [{"title": "Wrens", "link": URL}]},
    "Gemini": {"choices": [], "grounding_metadata": {"groundingChunks": [{"web": {"uri": URL, "title": "Wrens"}}]}},
    "Azure": chunk({"context": {"citations": [{"title": "Wrens", "url": URL, "content": "…"}]}}),
    "Groq": chunk({"executed_tools": [{"search_results": {"results": [{"title": "Wrens", "url": URL}]}}]}),
}


@pytest.mark.parametrize("server", SOURCES)
def test_pages_are_found_in_each_server_s_place(server):
    got = read_of(chunk({"content": "Wrens [1]."}), SOURCES[server])
    assert [link["url"] for link in got.sources] == [URL] and got.text == "Wrens [1]."


HI = json.dumps(chunk({"content": "Hi"}))
FRAMES = {
    "no space": f"data:{HI}",
    "an id and an event": f"id: 1\nevent: message\ndata: {HI}",
    "DashScope": f"id:1\nevent:result\n:HTTP_STATUS/200\ndata:{HI}",
    "OpenRouter's comment": f": OPENROUTER PROCESSING\n\ndata: {HI}",
    "Azure's first": f'data: {{"choices": [], "prompt_filter_results": []}}\n\ndata: {HI}',
    "a ping": f'event: ping\ndata: {{"type": "ping"}}\n\ndata: {HI}',
    "retry": f"retry: 3000\n\ndata: {HI}",
    "trailing spaces": f"data: {HI}  ",
    "two spaces": f"data:  {HI}",
    "an empty event": f"data: \n\ndata: {HI}",
    "CRLF": f"data: {HI}\r\n\r\n: ping",
    "a heartbeat as JSON": f"data: {{}}\n\ndata: {HI}",
    "another choice": f'data: {{"choices": [{{"delta": {{}}}}, {{"index": 1, "delta": {{}}}}]}}\n\ndata: {HI}',
}


@pytest.mark.parametrize("frame", FRAMES)
def test_each_server_s_frame_is_passed_over(frame):
    assert read_of(FRAMES[frame]).text == "Hi"
