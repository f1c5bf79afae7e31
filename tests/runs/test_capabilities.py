"""What a model cannot do is not asked of it; and what its server's list says about it is used."""

import pytest

from runs.actions import choose_model
from runs.models import Model
from runs.upstream.context.windows import window_of
from runs.upstream.profiles.profile import profile_of
from runs.upstream.request import prepare_request
from runs.upstream.servers.catalog import add_models, offer_models, refresh_list
from tests.harness.model_server import ModelServer

MESSAGES = [{"role": "user", "content": "Hello"}]
ASKED = {"tools": [{"type": "function"}], "tool_choice": "auto", "reasoning_effort": "low", "temperature": 0.3}


@pytest.fixture
def listing():
    """A server whose list says everything about its model `large`, and nothing about `small`."""
    server = ModelServer("small", "large")
    server.listed[1] |= {
        "context_length": 32_768,
        "supported_parameters": ["temperature", "tools"],
        "architecture": {"input_modalities": ["text", "image"]},
    }
    yield server
    server.close()


@pytest.mark.parametrize("is_capable", [None, True, False])
def test_only_what_a_model_certainly_cannot_do_is_left_out(model, is_capable):
    model.has_tools = model.has_reasoning = is_capable
    model.parameters = {"parallel_tool_calls": True}
    payload = prepare_request(model, MESSAGES, **ASKED).payload
    left_out = {"tools", "tool_choice", "parallel_tool_calls", "reasoning_effort"} - payload.keys()
    assert bool(left_out) == (is_capable is False)
    assert payload["temperature"] == 0.3
    assert profile_of(model).accepts("tools") == (is_capable is not False)


def test_what_a_list_says_about_a_model_is_used(model, listing):
    provider = model.provider
    provider.base_url = listing.base_url
    refresh_list(provider)
    small, large = add_models(provider, ["small", "large"])
    assert (large.context_window, window_of(large)) == (32_768, 32_768)
    assert (large.has_vision, large.has_tools, large.has_reasoning) == (True, True, False)
    assert (small.context_window, small.has_tools) == (None, None)
    # A new list should say what was not known, and leave alone what staff have set.
    large.context_window, large.has_tools = 8_192, None
    large.save()
    listing.listed[0]["max_model_len"] = 4_096
    refresh_list(provider)
    small.refresh_from_db()
    large.refresh_from_db()
    assert (window_of(small), window_of(large), large.has_tools) == (4_096, 8_192, True)


EMBEDDING = ["nomic-embed-text:latest", "text-embedding-3-small", "BAAI/bge-m3", "thenlper/gte-large", "e5-mistral-7b"]
EMBEDDING += ["all-minilm:l6-v2", "jina-reranker-v2", "embeddinggemma"]
CHATTING = ["gpt-5", "llama3.2:3b", "gemma-3-4b-it", "Qwen/Qwen3-8B", "magistral-e50", "edge5"]


def test_models_that_only_make_vectors_are_known_by_their_names(model):
    models = add_models(model.provider, [*EMBEDDING, *CHATTING])
    assert [each.has_chat for each in models] == [False] * len(EMBEDDING) + [None] * len(CHATTING)


@pytest.mark.parametrize(
    ("says", "has_chat"),
    [
        ({"type": "embeddings"}, False),
        ({"type": "llm"}, True),
        ({"type": "something"}, None),
        ({"capabilities": {"completion_chat": False}}, False),
        ({"architecture": {"output_modalities": ["embeddings"]}}, False),
        ({"architecture": {"output_modalities": ["text", "image"]}}, True),
    ],
)
def test_a_list_says_which_models_chat(model, listing, says, has_chat):
    model.provider.base_url = listing.base_url
    listing.listed[0] |= says
    refresh_list(model.provider)
    [small] = add_models(model.provider, ["small"])
    assert small.has_chat is has_chat


def test_what_staff_say_about_chats_stays(model, listing):
    model.provider.base_url = listing.base_url
    [embed] = add_models(model.provider, ["an-embedder"])
    embed.has_chat = True
    embed.save()
    listing.listed[0] |= {"id": "an-embedder", "type": "embedding"}
    refresh_list(model.provider)
    embed.refresh_from_db()
    assert embed.has_chat is True


def test_a_model_that_only_makes_vectors_is_nobody_s_choice_and_no_default(model, alice):
    model.delete()
    provider = model.provider
    first, second = offer_models(provider, ["a-embed", "b-chat"])
    assert not Model.objects.get(pk=first.pk).is_default and Model.objects.get(pk=second.pk).is_default
    Model.objects.update(is_default=False)
    assert list(Model.objects.for_chats_of(alice)) == [second]
    assert choose_model("", alice) == second
    assert choose_model("a-embed", alice) == first, "who asks for it by name gets the server's own answer"


@pytest.mark.parametrize("entry", [{"meta": {"n_ctx_train": 131_072}}, {"context_length": 4}, {"context_length": "8k"}])
def test_what_is_no_context_window_is_not_taken_for_one(model, listing, entry):
    model.provider.base_url = listing.base_url
    listing.listed[0] |= entry
    refresh_list(model.provider)
    [small] = add_models(model.provider, ["small"])
    assert small.context_window is None
    listing.listed[0] |= {"meta": {"n_ctx": 8_192}, "context_length": None}
    refresh_list(model.provider)
    small.refresh_from_db()
    assert small.context_window == 8_192
