"""What goes out to each vendor is what it takes; and a refusal is learned from (B67)."""

import asyncio
import re
from types import SimpleNamespace

import orjson
import pytest

from chatapp.chats.models import Message, Role
from runs.errors import UpstreamRejected
from runs.models import Run
from runs.net.http1 import Client
from runs.upstream import adaptive_stream
from runs.upstream.failures.classify import failure_of_response
from runs.upstream.learning import forget, learn
from runs.upstream.profiles.lessons import lesson_of
from runs.upstream.profiles.profile import Profile, combine, fault_of, profile_of
from runs.upstream.profiles.shaping import UNKNOWN_SIGNATURE, shape, shape_messages
from runs.upstream.profiles.shipped import MODELS, SERVERS
from runs.upstream.request import UpstreamRequest, build_request, prepare_request
from runs.upstream.titles import build_title_request
from tests.harness.processes import ROOT
from tests.runs.loopback import Words
from tests.upstream.strict import CHECKS, StrictServer

# A name at the server, its address, and what this vendor refuses.
VENDORS = {
    "OpenAI gpt-5": ("gpt-5-mini", "https://api.openai.com/v1", ["openai_reasoning", "no_nulls"]),
    "OpenAI o-series": ("o4-mini", "https://api.openai.com/v1", ["openai_reasoning", "no_nulls"]),
    "Azure gpt-5": ("gpt-5", "https://here.openai.azure.com/openai/v1", ["openai_reasoning", "no_nulls"]),
    "OpenRouter gpt-5": ("openai/gpt-5-mini", "https://openrouter.ai/api/v1", ["openai_reasoning", "no_nulls"]),
    "LiteLLM gpt-5": ("openai/gpt-5-mini", "http://127.0.0.1:4000", ["openai_reasoning"]),
    "DeepSeek": ("deepseek-v4", "https://api.deepseek.com", ["deepseek_thinking", "no_nulls"]),
    "Mistral": ("mistral-large-latest", "https://api.mistral.ai/v1", ["alternating", "last_user", "no_nulls"]),
    "Mistral at vLLM": ("mistralai/Mistral-7B-Instruct-v0.3", "http://127.0.0.1:8000/v1", ["alternating"]),
    "Gemini": ("gemini-3-pro", "https://generativelanguage.googleapis.com/v1beta/openai", ["gemini3", "no_nulls"]),
    "Gemma at Ollama": ("gemma3:4b", "http://127.0.0.1:11434/v1", ["gemma"]),
    "Gemma at llama.cpp": ("gemma-2-9b-it", "http://127.0.0.1:8080/v1", ["gemma", "llamacpp_template"]),
    "Perplexity": ("sonar", "https://api.perplexity.ai", ["alternating", "azure_old", "last_user"]),
    "Moonshot": ("kimi-k2.6", "https://api.moonshot.ai/v1", ["kimi", "deepseek_thinking"]),
    "Groq": ("llama-3.3-70b-versatile", "https://api.groq.com/openai/v1", ["no_nulls", "reasoning_refused"]),
    "Ollama": ("llama3.2:3b", "http://127.0.0.1:11434/v1", ["reasoning_refused"]),
    "vLLM": ("Qwen/Qwen3-8B", "http://127.0.0.1:8000/v1", ["reasoning_refused"]),
    "LM Studio": ("qwen3-8b", "http://127.0.0.1:1234/v1", ["reasoning_refused"]),
    "Anthropic": ("claude-sonnet-4-5", "https://api.anthropic.com/v1", ["reasoning_refused", "no_nulls"]),
    "xAI": ("grok-4", "https://api.x.ai/v1", ["reasoning_refused", "no_nulls"]),
    "Cohere": ("command-a-03-2025", "https://api.cohere.ai/compatibility/v1", ["reasoning_refused", "no_nulls"]),
    "Together": ("meta-llama/Llama-3.3-70B", "https://api.together.xyz/v1", ["no_nulls"]),
    "Fireworks": ("accounts/fireworks/models/qwen3", "https://api.fireworks.ai/inference/v1", ["no_nulls"]),
    "Cerebras": ("llama3.1-8b", "https://api.cerebras.ai/v1", ["no_nulls"]),
}
TOOL_ROUND = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Weather in Rome?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "Sunny."},
]


@pytest.fixture
def at(model):
    """`at(name, address)`: the model as one of that name at that address."""

    def at(upstream_id: str, base_url: str):
        model.upstream_id, model.provider.base_url = upstream_id, base_url
        model.provider.save(update_fields=["base_url"])
        model.save(update_fields=["upstream_id"])
        return model

    return at


@pytest.fixture
def requests(send, session):
    """`requests(model)`: one of each kind that goes upstream, by name."""

    def requests(model) -> dict[str, UpstreamRequest]:
        type(session).objects.filter(pk=session.pk).update(
            system_prompt="You are a pirate.", temperature=0.3, max_tokens=100
        )
        failed = Message.objects.create(session=session, role=Role.USER, content="Does this fail?")
        nothing = Message.objects.create(session=session, role=Role.ASSISTANT, parent=failed, content="")
        type(session).objects.filter(pk=session.pk).update(tip=nothing)
        run = send("Why?")
        Message.objects.filter(pk=run.message.parent_id).update(parent=nothing)
        fresh = lambda: Run.objects.select_related("session", "model__provider", "message__parent").get(pk=run.pk)  # noqa: E731
        made = {"chat": build_request(fresh()), "regenerated": build_request(fresh())}
        Message.objects.filter(pk=run.message_id).update(content="Because")
        Run.objects.filter(pk=run.pk).update(is_continuation=True)
        made["continued"] = build_request(fresh())
        made["title"] = build_title_request(fresh())
        made["tool round"] = prepare_request(model, TOOL_ROUND, temperature=0.3, max_tokens=50, seed=1, user=None)
        made["test by staff"] = prepare_request(model, [{"role": "user", "content": "Say hello."}], max_tokens=16)
        return made

    return requests


def answered(request: UpstreamRequest, *checks: str) -> SimpleNamespace:
    """Send the request to a server with these checks: its text, and what the server received and refused."""

    async def ask() -> SimpleNamespace:
        async with StrictServer(*(CHECKS[name] for name in checks)) as server:
            request.url, words, client = server.url, Words(), Client()
            try:
                await adaptive_stream.stream(client, request, 20, words)
            finally:
                client.close()
            return SimpleNamespace(text=words.text, bodies=server.bodies, refusals=server.refusals)

    return asyncio.run(ask())


@pytest.mark.parametrize("vendor", VENDORS)
def test_no_vendor_refuses_a_request_of_ours(at, requests, vendor):
    upstream_id, base_url, checks = VENDORS[vendor]
    refusals = {name: answered(one, *checks).refusals for name, one in requests(at(upstream_id, base_url)).items()}
    assert not any(refusals.values()), refusals


@pytest.mark.parametrize("check", [name for name in CHECKS if name not in ("last_user", "reasoning_refused")])
def test_an_unknown_server_s_refusals_are_learned_from_once(at, requests, check):
    """Each kind of request is answered; what was learned is remembered, and the next request is not refused."""
    model = at("m", "http://127.0.0.1:1/v1")
    for name, request in requests(model).items():
        reply = answered(request, check)
        assert reply.text == "Hi.", name
        assert reply.refusals <= 3
        learn(model.pk, request.lessons)
    model.refresh_from_db()
    made = requests(model)
    assert [name for name, request in made.items() if answered(request, check).refusals] == []


def test_staff_read_what_was_learned_and_can_have_it_forgotten(at, requests):
    model = at("m", "http://127.0.0.1:1/v1")
    request = requests(model)["chat"]
    answered(request, "openai_reasoning")
    learn(model.pk, request.lessons)
    model.refresh_from_db()
    assert model.learned["max_tokens"] == "max_completion_tokens" and model.learned["omit"] == ["temperature"]
    assert [note["about"] for note in model.learned["notes"]] == ["max_tokens", "temperature"]
    assert "Only the default (1) value" in model.learned["notes"][1]["message"]
    forget(model)
    model.refresh_from_db()
    assert profile_of(model) == Profile()


def refusing(status: int, message: str, name: str):
    def check(body):
        return (status, {"error": {"message": message}}) if name in body else None

    CHECKS["refusing"] = check
    return "refusing"


def test_a_value_out_of_range_is_left_out_this_time_only(model):
    check = refusing(400, "temperature must be less than or equal to 1", "temperature")
    request = prepare_request(model, [{"role": "user", "content": "Hello"}], temperature=1.5)
    assert answered(request, check).refusals == 1
    learn(model.pk, request.lessons)
    model.refresh_from_db()
    assert model.learned == {}


@pytest.mark.parametrize(
    ("status", "message", "name"),
    [
        (400, "This model does not support tools", "tools"),
        (400, "The user has been blocked", "user"),
        (401, "Unsupported parameter: 'temperature'", "temperature"),
        (400, "Something else is wrong", "temperature"),
    ],
)
def test_what_was_asked_for_is_not_left_out_unnoticed(model, status, message, name):
    tools = [{"type": "function", "function": {"name": "f"}}]
    values = {"tools": tools, "user": "alice", "temperature": 0.3}
    request = prepare_request(model, [{"role": "user", "content": "Hello"}], **values)
    with pytest.raises(Exception) as refused:
        answered(request, refusing(status, message, name))
    assert isinstance(refused.value, UpstreamRejected) or status == 401
    assert request.lessons == []


OPTIONS = {"include_usage": True}
WORDINGS = [  # (status, body, what was sent, what is learned, whether it is kept)
    (400, "Model x does not support parameter presencePenalty.", {"presence_penalty": 1}, "presence_penalty", True),
    (400, "Argument not supported on this model: stop", {"stop": ["x"]}, "stop", True),
    (400, "Penalty is not enabled for models/gemini-x", {"presence_penalty": 1}, "presence_penalty", True),
    (400, '"qwen2" does not support thinking', {"reasoning_effort": "low"}, "reasoning_effort", True),
    (400, "Thinking level is not supported for this model.", {"reasoning_effort": "low"}, "reasoning_effort", True),
    (400, "Reasoning is mandatory and cannot be disabled.", {"reasoning": {"enabled": False}}, "reasoning", True),
    (400, "max_output_tokens: integer below minimum value. Expected >= 16", {"max_tokens": 1}, "max_tokens", False),
    (400, "The maximum tokens you requested exceeds the limit of 4096, try a lower one", {"max_tokens": 9}, "", False),
    (422, "`temperature` must be strictly positive", {"temperature": 0}, "temperature", False),
    (422, "`top_p` must be > 0.0 and < 1.0", {"top_p": 1}, "top_p", False),
    (500, "Unsupported param: stream_options", {"stream_options": OPTIONS}, "stream_options", True),
    (400, {"message": "Invalid", "param": "/stream_options"}, {"stream_options": OPTIONS}, "stream_options", True),
    (400, {"message": "Supported values are: 'medium'.", "param": "text.verbosity"}, {"verbosity": "low"}, "verbosity", False),  # noqa: E501
    (422, {"details": [{"loc": ["body", "top_k"], "msg": "Extra"}]}, {"top_k": 1}, "top_k", True),
    (400, "unknown variant `developer`, expected one of `system`, `user`", {}, "system", True),
    (400, "Invalid value for 'role': developer is not one of ['system', 'user']", {}, "system", True),
    (422, {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "Input should be 'system' or 'user'"}]}, {}, "system", True),  # noqa: E501
    (400, "System message must be at the beginning.", {}, "system", True),
    (400, "messages with role assistant cannot be consecutive", {}, "alternate", True),
    (400, "Expected last role User (or Assistant with prefix True) but got assistant", {}, "prefix", True),
]  # fmt: skip


@pytest.mark.parametrize(("status", "fields", "sent", "about", "is_kept"), WORDINGS)
def test_a_refusal_is_understood_in_each_vendor_s_words(status, fields, sent, about, is_kept):
    error = failure_of_response(status, {}, orjson.dumps({"error": fields}))
    lesson = lesson_of(error, {"model": "m", "messages": []} | sent, Profile())
    assert lesson is not None and about in lesson.about and lesson.is_kept == is_kept


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [
        ("'messages.2': must be satisfied: property 'reasoning_content' is unsupported", "kept", "never"),
        ("'messages.2': must be satisfied: property 'reasoning' is unsupported", "kept", "never"),
        ("messages.2.assistant.reasoning_content: Extra inputs are not permitted", "kept", "never"),
        ("Missing `reasoning_content` field in the assistant message", "never", "required"),
    ],
)
def test_a_refusal_of_reasoning_says_whether_it_is_wanted(words, before, after):
    error = failure_of_response(400, {}, orjson.dumps({"error": {"message": words}}))
    lesson = lesson_of(error, {"model": "m", "messages": []}, Profile(reasoning=before))
    assert lesson is not None and lesson.layer == {"reasoning": after}


def test_a_server_that_refuses_whatever_is_sent_is_asked_a_few_times_only(model):
    CHECKS["stubborn"] = lambda body: (400, {"error": {"message": "temperature, seed, top_p, stop and n are wrong"}})
    request = prepare_request(
        model, [{"role": "user", "content": "Hello"}], temperature=1, seed=1, top_p=1, top_k=1, min_p=1, max_tokens=9
    )
    with pytest.raises(UpstreamRejected):
        answered(request, "stubborn")
    assert len(request.lessons) == 3


def test_staff_have_the_last_word_but_for_what_a_server_refused(at):
    model = at("gpt-5-mini", "https://api.openai.com/v1")
    model.provider.profile = {"max_tokens": "max_tokens", "body": {"top_k": 4}}
    model.profile = {"system": "developer", "omit": ["seed"], "body": {"min_p": 0.1}}
    model.learned = {"system": "user", "notes": []}
    profile = profile_of(model)
    assert (profile.max_tokens, profile.system) == ("max_tokens", "user")
    assert profile.omit >= {"seed", "temperature"} and not profile.accepts("seed") and profile.accepts("top_k")
    assert profile.body == {"top_k": 4, "min_p": 0.1}
    request = prepare_request(model, [{"role": "user", "content": "Hello"}], top_k=5)
    assert (request.payload["top_k"], request.payload["min_p"]) == (5, 0.1)


@pytest.mark.parametrize(
    ("layer", "fault"),
    [
        ({}, ""),
        ({"max_tokens": "max_completion_tokens", "omit": ["seed"], "body": {"top_k": 4}, "alternate": True}, ""),
        ([], "Enter a JSON object"),
        ({"temperatur": 1}, "temperatur is not a field"),
        ({"system": "assistant"}, "system is one of"),
        ({"omit": ["messages"]}, "omit is a list"),
        ({"body": {"model": "other"}}, "body is an object without"),
        ({"rename": {"seed": "stream"}}, "rename is an object"),
        ({"alternate": "yes"}, "alternate is true or false"),
    ],
)
def test_a_faulty_layer_is_told_to_staff_and_changes_nothing(layer, fault):
    assert fault_of(layer).startswith(fault) and bool(fault_of(layer)) == bool(fault)
    assert not fault or combine([layer]) == Profile()


def test_a_signature_of_a_tool_call_stays_with_it_and_a_missing_one_is_filled_in():
    extra = {"google": {"thought_signature": "abc"}, "other": 1}
    calls = [{"id": "c1", "extra_content": extra}, {"id": "c2", "extra_content": {"other": 2}}]
    [message] = shape_messages(Profile(signatures=True), [{"role": "assistant", "tool_calls": calls}])
    assert message["tool_calls"][0]["extra_content"] == extra
    filled = {"other": 2, "google": {"thought_signature": UNKNOWN_SIGNATURE}}
    assert message["tool_calls"][1]["extra_content"] == filled
    assert shape_messages(Profile(), [{"role": "assistant", "tool_calls": calls}])[0]["tool_calls"] == calls


def test_reasoning_goes_back_as_the_profile_says():
    talk = [
        {"role": "assistant", "content": "A", "reasoning_content": "Hm."},
        {"role": "assistant", "tool_calls": [{"id": "c1"}], "reasoning": "So."},
    ]

    def sent(reasoning: str) -> list:
        return [
            {name: value for name, value in message.items() if name.startswith("reasoning")}
            for message in shape_messages(Profile(reasoning=reasoning), talk)
        ]

    assert sent("never") == [{}, {}]
    assert sent("kept") == [{}, {"reasoning": "So."}]
    assert sent("required") == [{}, {"reasoning_content": "So."}]


def test_texts_and_parts_become_one_message():
    parts = [{"type": "image_url", "image_url": {"url": "data:"}}]
    messages = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "A"},
        {"role": "user", "content": parts},
    ]
    [message] = shape_messages(Profile(system="user", alternate=True), messages)
    assert message == {"role": "user", "content": [{"type": "text", "text": "S\n\nA"}, *parts]}


def test_results_of_tools_and_their_calls_are_not_merged():
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]}
    result = {"role": "tool", "content": "1"}
    assert shape_messages(Profile(alternate=True), [call, result, result]) == [call, result, result]


@pytest.mark.parametrize("vendor", VENDORS)
def test_shaping_again_changes_nothing(at, vendor):
    profile = profile_of(at(*VENDORS[vendor][:2]))
    once = shape(profile, {"model": "m", "messages": TOOL_ROUND, "max_tokens": 5, "seed": 1, "temperature": 0.3})
    assert shape(profile, once) == once


def test_the_admin_shows_what_is_sent_and_what_was_refused(at, requests, charlie, client):
    model = at("m", "http://127.0.0.1:1/v1")
    request = requests(model)["chat"]
    answered(request, "openai_reasoning")
    learn(model.pk, request.lessons)
    client.force_login(charlie)
    page = client.get(f"/admin/runs/model/{model.pk}/change/").text
    assert "Only the default (1) value" in page and "&quot;max_tokens&quot;: &quot;max_completion_tokens&quot;" in page
    assert "M</a>" in client.get("/admin/runs/model/?refusals=yes").text
    form = {"action": "forget_refusals", "_selected_action": [model.pk]}
    client.post("/admin/runs/model/", form)
    assert "M</a>" not in client.get("/admin/runs/model/?refusals=yes").text


def test_the_admin_refuses_a_faulty_profile(at, charlie, client):
    model = at("m", "http://127.0.0.1:1/v1")
    client.force_login(charlie)
    page = client.post(f"/admin/runs/model/{model.pk}/change/", {"profile": '{"temperatur": 1}'}).text
    assert "temperatur is not a field of a profile" in page


def test_the_documentation_has_every_shipped_profile():
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", (ROOT / "docs" / "providers.md").read_text(), re.MULTILINE)
    documented = dict(rows)
    missing = [each.name for each in (*SERVERS, *MODELS) if each.name not in documented]
    hosts = [(server.name, host.removeprefix("*.")) for server in SERVERS for host in server.hosts.split()]
    missing += [host for name, host in hosts if host not in documented[name]]
    assert missing == []
