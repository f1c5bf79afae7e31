"""The shipped profiles: what well-known servers and models accept (docs/providers.md).

A server is known by its host, a model by its name at the server. Servers that people run themselves have no entry of
their own where the default fits: Ollama, vLLM, llama.cpp, LM Studio and LiteLLM take what OpenAI's protocol has, and
what their models' templates refuse stands under the models.
"""

import re
from typing import Any, NamedTuple

Layer = dict[str, Any]

SAMPLING = ["temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs"]
STORAGE = ["store", "metadata", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"]
LOW_EFFORT = {"reasoning_effort": "low"}


class Server(NamedTuple):
    name: str
    hosts: str  # names of hosts, "*." before those whose subdomains match
    layer: Layer

    def matches(self, host: str) -> bool:
        return any(
            host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
            for pattern in self.hosts.split()
        )


class ModelName(NamedTuple):
    name: str
    pattern: str  # of the name at the server, in lower case, after the vendor's prefix
    layer: Layer
    hosts: str = ""  # where this holds; empty: anywhere

    def matches(self, host: str, upstream_id: str) -> bool:
        if self.hosts and not Server("", self.hosts, {}).matches(host):
            return False
        return bool(re.match(self.pattern, upstream_id.lower().rpartition("/")[2]))


SERVERS = (
    Server("OpenAI", "api.openai.com *.api.openai.com", {"max_tokens": "max_completion_tokens"}),
    Server("Azure OpenAI", "*.openai.azure.com *.services.ai.azure.com *.cognitiveservices.azure.com", {}),
    Server("OpenRouter", "openrouter.ai", {"reasoning": "kept"}),
    Server("DeepSeek", "api.deepseek.com", {"max_tokens": "max_tokens", "reasoning": "required"}),
    Server(
        "Mistral",
        "api.mistral.ai codestral.mistral.ai",
        {
            "max_tokens": "max_tokens",
            "alternate": True,
            "prefix": True,
            "rename": {"seed": "random_seed"},
            "omit": ["logit_bias", "logprobs", "top_logprobs", "user", "reasoning_effort", "verbosity", *STORAGE],
        },
    ),
    Server(
        "Gemini",
        "generativelanguage.googleapis.com",
        {
            "signatures": True,
            "omit": ["logit_bias", "logprobs", "top_logprobs", "user", "verbosity", *STORAGE],
        },
    ),
    Server("Groq", "api.groq.com", {"omit": ["logit_bias", "logprobs", "top_logprobs", "verbosity", *STORAGE]}),
    Server("Anthropic", "api.anthropic.com", {"max_tokens": "max_tokens", "omit": ["reasoning_effort", "verbosity"]}),
    Server(
        "Perplexity",
        "api.perplexity.ai",
        {
            "max_tokens": "max_tokens",
            "alternate": True,
            "omit": ["stream_options", "seed", "user", "logit_bias", "logprobs", "parallel_tool_calls", *STORAGE],
        },
    ),
    Server("xAI", "api.x.ai *.api.x.ai", {"omit": ["logit_bias", "verbosity", *STORAGE]}),
    Server(
        "Cohere",
        "api.cohere.ai api.cohere.com",
        {
            "max_tokens": "max_tokens",
            "omit": ["logit_bias", "top_logprobs", "parallel_tool_calls", "user", "verbosity", *STORAGE],
        },
    ),
    Server("Moonshot", "api.moonshot.ai api.moonshot.cn", {"max_tokens": "max_tokens", "reasoning": "required"}),
    Server("Together", "api.together.xyz api.together.ai", {"max_tokens": "max_tokens"}),
    Server("Fireworks", "api.fireworks.ai", {"max_tokens": "max_tokens"}),
    Server(
        "Cerebras",
        "api.cerebras.ai",
        {"max_tokens": "max_completion_tokens", "omit": ["logit_bias", "presence_penalty", "frequency_penalty"]},
    ),
)

MODELS = (
    ModelName(
        "gpt-5 and the o-series, not gpt-5-chat",
        r"(?:o[1-9]|gpt-[5-9](?![\w.-]*chat))(?=$|[.:-])",
        {"max_tokens": "max_completion_tokens", "omit": SAMPLING, "title_body": LOW_EFFORT},
    ),
    ModelName("gpt-5-pro", r"gpt-[5-9](?:\.\d+)?-pro", {"title_body": {"reasoning_effort": "high"}}),
    ModelName(
        "o1-mini, o1-preview",
        r"o1-(?:mini|preview)",
        {"system": "user", "omit": ["reasoning_effort", "parallel_tool_calls"]},
    ),
    ModelName("gpt-oss", r"gpt-oss", {"title_body": LOW_EFFORT}),
    ModelName("Gemma 1 to 3", r"gemma(?!-?4)", {"system": "user", "alternate": True}),
    ModelName("Mistral, Mixtral", r"(?:mistral|mixtral|ministral|magistral)", {"alternate": True}),
    ModelName(
        "Kimi K2 that thinks",
        r"kimi-k(?:2\.[5-9]|2-thinking|[3-9])",
        {"omit": ["temperature", "top_p", "presence_penalty", "frequency_penalty"], "reasoning": "required"},
    ),
    ModelName("deepseek-reasoner", r"deepseek-reasoner", {"omit": SAMPLING}, "api.deepseek.com"),
    ModelName(
        "Grok 4 and Grok code",
        r"grok-(?:[4-9]|code)",
        {"omit": ["presence_penalty", "frequency_penalty", "stop"]},
        "api.x.ai *.api.x.ai",
    ),
    ModelName("Claude Opus 4.7 and later", r"claude-opus-(?:4[-.][7-9]|[5-9])", {"omit": ["temperature", "top_p"]}),
)
