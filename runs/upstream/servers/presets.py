"""Model servers that are known by name: where they are, and where their keys come from.

What each takes in a request is its profile's business; here is only what a person needs to connect to it.
"""

from typing import NamedTuple

from runs import provider_keys


class Preset(NamedTuple):
    """`address_note` tells what to replace in an address that differs from account to account."""

    name: str  # also the provider's, unless that is in use
    label: str
    base_url: str
    key_env: str = ""  # the variable that its tools use
    key_url: str = ""  # where one gets a key; empty: none is needed, or whoever runs the server gives it out
    address_note: str = ""

    @property
    def is_local(self) -> bool:
        return self.base_url.startswith("http://127.0.0.1:")

    @property
    def host(self) -> str:
        return provider_keys.host_of(self.base_url)


PRESETS = [
    Preset("ollama", "Ollama", "http://127.0.0.1:11434/v1"),
    Preset("lm-studio", "LM Studio", "http://127.0.0.1:1234/v1"),
    Preset("llama-cpp", "llama.cpp", "http://127.0.0.1:8080/v1"),
    Preset("vllm", "vLLM", "http://127.0.0.1:8000/v1"),
    Preset(
        "openai",
        "OpenAI",
        "https://api.openai.com/v1",
        "OPENAI_API_KEY",
        "https://platform.openai.com/api-keys",
    ),
    Preset(
        "anthropic",
        "Anthropic",
        "https://api.anthropic.com/v1",
        "ANTHROPIC_API_KEY",
        "https://console.anthropic.com/settings/keys",
    ),
    Preset(
        "azure",
        "Azure OpenAI",
        "https://RESOURCE.openai.azure.com/openai/v1",
        "AZURE_OPENAI_API_KEY",
        "https://portal.azure.com",
        "Replace RESOURCE with the name of your resource. Its models are the names of your deployments.",
    ),
    Preset(
        "cerebras",
        "Cerebras",
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
        "https://cloud.cerebras.ai",
    ),
    Preset(
        "cohere",
        "Cohere",
        "https://api.cohere.ai/compatibility/v1",
        "COHERE_API_KEY",
        "https://dashboard.cohere.com/api-keys",
    ),
    Preset(
        "deepinfra",
        "DeepInfra",
        "https://api.deepinfra.com/v1/openai",
        "DEEPINFRA_API_KEY",
        "https://deepinfra.com/dash/api_keys",
    ),
    Preset(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        "https://platform.deepseek.com/api_keys",
    ),
    Preset(
        "fireworks",
        "Fireworks",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY",
        "https://app.fireworks.ai/settings/users/api-keys",
    ),
    Preset(
        "gemini",
        "Google Gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        "https://aistudio.google.com/apikey",
    ),
    Preset("groq", "Groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "https://console.groq.com/keys"),
    Preset(
        "huggingface",
        "Hugging Face",
        "https://router.huggingface.co/v1",
        "HF_TOKEN",
        "https://huggingface.co/settings/tokens",
    ),
    Preset(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        "https://console.mistral.ai/api-keys",
    ),
    Preset(
        "moonshot",
        "Moonshot",
        "https://api.moonshot.ai/v1",
        "MOONSHOT_API_KEY",
        "https://platform.moonshot.ai/console/api-keys",
    ),
    Preset(
        "nvidia",
        "NVIDIA",
        "https://integrate.api.nvidia.com/v1",
        "NVIDIA_API_KEY",
        "https://build.nvidia.com/settings/api-keys",
    ),
    Preset(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        "https://openrouter.ai/settings/keys",
    ),
    Preset(
        "perplexity",
        "Perplexity",
        "https://api.perplexity.ai",
        "PERPLEXITY_API_KEY",
        "https://www.perplexity.ai/account/api",
        "Perplexity has no list of models: enter their names, such as sonar.",
    ),
    Preset(
        "together",
        "Together",
        "https://api.together.xyz/v1",
        "TOGETHER_API_KEY",
        "https://api.together.ai/settings/api-keys",
    ),
    Preset("xai", "xAI", "https://api.x.ai/v1", "XAI_API_KEY", "https://console.x.ai"),
]
_BY_NAME = {preset.name: preset for preset in PRESETS}


def find_preset(name: str) -> Preset | None:
    return _BY_NAME.get(name)


def local_presets() -> list[Preset]:
    return [preset for preset in PRESETS if preset.is_local]


def hosted_presets() -> list[Preset]:
    return [preset for preset in PRESETS if not preset.is_local]
