"""The command add_provider: model servers from the command line."""

import io
from contextlib import closing

import pytest
from django.core.management import CommandError, call_command

from runs.models import Model, Provider
from runs.upstream.servers.presets import PRESETS
from tests.harness.model_server import ModelServer


def manage(*words):
    """What the command says: (to stdout, to stderr)."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


OLLAMA = ["add_provider", "ollama", "--base-url", "http://ollama:11434/v1/", "--model", "llama3.2:3b"]


def catalog():
    models = Model.objects.order_by("name").values_list("provider__name", "name", "upstream_id", "label", "is_default")
    return list(models), list(Provider.objects.values_list("name", "base_url", "key_env"))


def test_a_preset_knows_the_address_and_the_key_variable(db, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    out, err = manage("add_provider", "openai", "--model", "gpt-5-mini")
    assert catalog()[1] == [("openai", "https://api.openai.com/v1", "OPENAI_API_KEY")]
    assert "gpt-5-mini (default)" in out and "OPENAI_API_KEY is not set here" in err
    # What is given goes before the preset, and a provider that is there keeps its own
    manage("add_provider", "openai", "--base-url", "http://127.0.0.1:9/v1", "--key-env", "", "--model", "gpt-5-mini")
    manage("add_provider", "openai", "--model", "gpt-5")
    assert catalog()[1] == [("openai", "http://127.0.0.1:9/v1", "")]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_each_preset_can_be_added_by_its_name_or_says_what_it_needs(db, preset):
    words = ["add_provider", preset.name, "--model", "m"]
    if "RESOURCE" in preset.base_url:
        with pytest.raises(CommandError, match=f"{preset.label} needs --base-url, such as"):
            manage(*words)
        words += ["--base-url", preset.base_url.replace("RESOURCE", "wren"), "--key-env", preset.key_env]
    manage(*words)
    [(name, base_url, key_env)] = catalog()[1]
    assert (name, key_env, Provider.objects.get().key_fault) == (preset.name, preset.key_env, "")
    assert base_url == preset.base_url.replace("RESOURCE", "wren")


def test_a_name_that_is_not_known_needs_an_address(db):
    with pytest.raises(CommandError, match="wren is not known by name: --base-url is needed"):
        manage("add_provider", "wren", "--model", "m")
    assert catalog() == ([], [])


def test_without_a_model_the_server_s_models_are_listed_and_nothing_is_written(db, monkeypatch):
    monkeypatch.setenv("PROVIDER_KEY_WREN", "s3cret")
    words = ["add_provider", "wren", "--key-env", "PROVIDER_KEY_WREN", "--base-url"]
    with closing(ModelServer("llama3.2:3b", "Qwen/Qwen3-8B", key="s3cret")) as server:
        with pytest.raises(CommandError, match=r"--model is needed\. \S+ has llama3\.2:3b, Qwen/Qwen3-8B\.$"):
            manage(*words, server.base_url)
    with pytest.raises(CommandError, match=r"cannot be listed: The model server could not be reached\."):
        manage(*words, "http://127.0.0.1:9/v1")
    assert catalog() == ([], [])


def test_adding_a_provider_twice_is_adding_it_once(db):
    out, err = manage(*OLLAMA)
    first = catalog()
    assert first == (
        [("ollama", "llama3.2:3b", "llama3.2:3b", "llama3.2:3b", True)],
        [("ollama", "http://ollama:11434/v1", "")],
    )
    assert "llama3.2:3b: llama3.2:3b (default)" in out
    assert err == ""
    manage(*OLLAMA)
    assert catalog() == first


def test_adding_it_again_brings_it_up_to_date_and_keeps_what_is_not_named(db):
    manage(*OLLAMA, "--key-env", "PROVIDER_KEY_OLLAMA")
    manage("add_provider", "ollama", "--base-url", "http://other:1/v1", "--model", "qwen3", "--label", "Qwen")
    models, providers = catalog()
    assert providers == [("ollama", "http://other:1/v1", "PROVIDER_KEY_OLLAMA")]
    assert [(name, label, default) for _, name, _, label, default in models] == [
        ("llama3.2:3b", "llama3.2:3b", True),
        ("qwen3", "Qwen", False),
    ]


def test_default_moves_to_the_first_model_named(db):
    manage(*OLLAMA)
    manage("add_provider", "b", "--base-url", "http://b/v1", "--model", "m1", "--model", "m2", "--default")
    assert [model.upstream_id for model in Model.objects.filter(is_default=True)] == ["m1"]


def test_two_providers_may_have_a_model_of_the_same_name(db):
    manage(*OLLAMA)
    manage("add_provider", "other", "--base-url", "http://b/v1", "--model", "llama3.2:3b")
    assert [row[:2] for row in catalog()[0]] == [("ollama", "llama3.2:3b"), ("other", "other/llama3.2:3b")]


def test_a_key_that_is_not_set_is_told(db, monkeypatch):
    assert "PROVIDER_KEY_SOME is not set here" in manage(*OLLAMA, "--key-env", "PROVIDER_KEY_SOME")[1]
    monkeypatch.setenv("PROVIDER_KEY_SOME", "s3cret")
    out, err = manage(*OLLAMA)
    assert err == ""
    assert "s3cret" not in out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["Ollama!", "--base-url", "http://b/v1"], "NAME: "),
        (["b", "--base-url", "b:11434/v1"], "--base-url: Enter an address such as"),
        (["b", "--base-url", "ftp://b/v1"], "--base-url: Enter an address such as"),
        (["b", "--base-url", "http://b:x/v1"], "--base-url: Enter an address such as"),
        (["b", "--base-url", "http://key@b/v1"], "--base-url: Do not put a key"),
        (["b", "--base-url", "http://b/v1/chat/completions"], "--base-url: The address must end"),
        (["b", "--base-url", "http://b/v1?key=1"], "--base-url: The address must end"),
        (["b", "--base-url", "http://b/v1", "--key-env", "sk-12ab"], "--key-env: Enter the name"),
        (["b", "--base-url", "http://b/v1", "--key-env", "REDIS_URL"], "--key-env: REDIS_URL is a setting"),
        (
            ["b", "--base-url", "http://b/v1", "--key-env", "OPENAI_API_KEY"],
            "--key-env: OPENAI_API_KEY may be sent to api",
        ),
        (["b", "--base-url", "http://b/v1", "--model", ""], "--model: "),
        (["b", "--base-url", "http://b/v1", "--label", "x" * 101], "--label: "),
        (["b", "--base-url", "http://b/v1", "--label", "L", "--model", "n"], "--label needs exactly one"),
    ],
)
def test_a_provider_that_cannot_be_is_refused_and_nothing_is_written(db, words, complaint):
    with pytest.raises(CommandError) as refusal:
        manage("add_provider", *words, "--model", "m")
    assert complaint in str(refusal.value)
    assert "sk-12ab" not in str(refusal.value)
    assert catalog() == ([], [])
