"""Compaction: a summary by a run, in an item that later requests accept."""

import http.client
import json
from urllib.parse import urlsplit

import openai
import pytest
from openai.types.responses import ResponseCompactionItem

from chatapp.openai.models import Exchange
from chatapp.openai.summaries import LEAD, seal
from runs.actions import SUMMARY_QUESTION
from runs.models import Model, Run
from runs.upstream.request import build_request
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken
from tests.openai.test_images import PNG, TEXT, responses, run_of, seeing, sent_upstream  # noqa: F401
from tests.openai.test_refusals import assert_refused

CALL = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "a wren"}


def item(alice, summary="We spoke of wrens."):
    return {"type": "compaction", "encrypted_content": seal(summary, alice.pk)}


# -- in process --------------------------------------------------------------------------------------


def test_the_model_is_asked_for_a_summary_of_everything_in_words(program, model, transactional_db):
    """There is no broker here, so the request ends with an error."""
    talk = [{"role": "user", "content": "Look"}, CALL, RESULT, {"role": "assistant", "content": "It is a wren."}]
    program.ask("POST", "responses/compact", {"input": talk, "instructions": "Be brief.", "tools": [], "text": {}})
    run = Run.objects.select_related("session", "message", "model__provider").get()
    assert [(message["role"], message["content"]) for message in build_request(run).payload["messages"]] == [
        ("system", "Be brief."),
        ("user", "Look"),
        ("assistant", "Called look: {}"),
        ("user", "Result of call_1:\n\na wren"),
        ("assistant", "It is a wren."),
        ("user", SUMMARY_QUESTION),
    ]
    assert "tools" not in build_request(run).payload
    assert not run.session.is_listed
    assert not Exchange.objects.get().is_stored


def test_a_compaction_item_is_read_as_the_summary(program, model, alice):
    for kind in ("compaction", "compaction_summary"):
        items = [item(alice) | {"type": kind, "id": "cmp_1"}, {"role": "user", "content": "Go on"}]
        run = run_of(program.ask("POST", "responses", {"input": items, "background": True}))
        texts = [message["content"] for message in sent_upstream(run)]
        assert texts == [f"{LEAD}\n\nWe spoke of wrens.", "Go on"]


def test_the_summary_is_not_to_be_read_in_the_item(alice):
    content = item(alice)["encrypted_content"]
    assert "wren" not in content and content != item(alice)["encrypted_content"]


@pytest.mark.parametrize("path", ["responses", "responses/compact", "conversations"])
def test_an_item_of_another_user_or_of_nobody_is_refused(program, model, alice, bob, path):  # B55
    name = "items" if path == "conversations" else "input"
    for content in (seal("Secret", bob.pk), "x", item(alice)["encrypted_content"][:-9] + "AAAAAAAA="):
        items = [{"role": "user", "content": "a"}, {"type": "compaction", "encrypted_content": content}]
        body = {name: [*items, {"role": "assistant", "content": "b"}], "background": True}
        assert_refused(program.ask("POST", path, body), 400, "invalid_value", f"{name}[1].encrypted_content")
    assert not Run.objects.exists()


def test_a_rotated_secret_key_still_reads_items(program, model, alice, settings):
    old, settings.SECRET_KEY_FALLBACKS = item(alice), [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret key of fifty characters and more, for tests"
    run_of(program.ask("POST", "responses", {"input": [old], "background": True}))
    settings.SECRET_KEY_FALLBACKS = []
    body = {"input": [old], "background": True}
    error = program.ask("POST", "responses", body).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "input[0].encrypted_content")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"type": "compaction"}]}, "input[0].encrypted_content"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": "Hi", "instructions": 5}, "instructions"),
    ],
)
def test_a_compaction_of_nothing_is_refused(program, model, body, param):
    response = program.ask("POST", "responses/compact", body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert not Run.objects.exists()


def test_an_image_is_not_summarized_by_a_model_that_cannot_see(program, model):
    body = responses({"type": "input_image", "image_url": PNG})
    assert_refused(program.ask("POST", "responses/compact", body), 400, "images_not_seen")


# -- the real client ---------------------------------------------------------------------------------


def test_openai_s_client_compacts_and_goes_on(stack, sdk):
    client = sdk(stack.person("alice"))
    say = prompt(tokens=4)
    first = client.responses.create(model="scripted", input=say)
    compacted = client.responses.compact(model="scripted", previous_response_id=first.id, instructions=prompt(tokens=6))
    [question, summary] = compacted.output
    assert compacted.object == "response.compaction"
    assert (question.role, question.content[0].text) == ("user", say)
    ResponseCompactionItem.model_validate(summary.to_dict(), strict=True)
    assert compacted.usage.output_tokens > 0
    run = Run.objects.get(pk=compacted.id.removeprefix("resp_"))
    text = check(run).message.content
    assert text.startswith(spoken(1))
    # It should stand for the conversation, in a request and in a conversation.
    say = prompt(tokens=5)
    items = [one.to_dict(warnings=False) for one in compacted.output]
    later = client.responses.create(model="scripted", input=[*items, {"role": "user", "content": say}])
    assert later.output_text == spoken(5)
    [sent] = stack.upstream.connections(say.tag)
    assert sent["body"]["messages"][-2] == {"role": "user", "content": f"{LEAD}\n\n{text}"}
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(compacted.id)


@pytest.fixture
def speaking(stack):
    """Creates a model that does what a script says, whatever it is asked: the question for a summary holds none."""
    provider, names = Model.objects.get(name="scripted").provider, []

    def speaking(name: str, **script) -> str:
        upstream_id = stack.upstream.register(**script)
        Model.objects.create(name=name, label=name, provider=provider, upstream_id=upstream_id)
        names.append(name)
        return name

    yield speaking
    Model.objects.filter(name__in=names).delete()


def test_a_summary_that_was_cut_short_is_no_summary(stack, sdk, speaking):
    with pytest.raises(openai.InternalServerError) as refused:
        model = speaking("short-winded", tokens=2, finish="length")
        sdk(stack.person("alice")).responses.compact(model=model, input="Hi")
    assert (refused.value.status_code, refused.value.code) == (502, "summary_incomplete")


def test_a_client_that_leaves_stops_the_summary(stack, speaking):  # B42
    alice, model = stack.person("alice"), speaking("slow-summary", tag="slow-summary", hold_headers=True)
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=30)
    connection.request("POST", "/v1/responses/compact", json.dumps({"model": model, "input": "Hi"}), alice.bearer)
    stack.upstream.wait("slow-summary", "stalled")
    connection.close()
    assert stack.upstream.wait("slow-summary", "closed")["ended"] == "closed by client"
