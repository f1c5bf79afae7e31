"""What the `openai` package builds on top of the API: helpers that parse, accumulate and page through answers."""

import openai
import pytest
from pydantic import BaseModel

from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database


class Bird(BaseModel):
    name: str


WREN = '{"name": "wren"}'
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": True}
CALLS = [{"id": f"call_{n}", "name": "look", "arguments": text} for n, text in enumerate(("{}", '{"again": true}'))]


def test_answers_are_parsed_into_objects(stack, sdk):
    client = sdk(stack.person("alice"))
    say = {"role": "user", "content": prompt(text=[WREN])}
    completion = client.chat.completions.parse(model="scripted", messages=[say], response_format=Bird)
    assert completion.choices[0].message.parsed == Bird(name="wren")
    say = prompt(text=[WREN])
    response = client.responses.parse(model="scripted", input=say, text_format=Bird, text={"verbosity": "low"})
    assert response.output_parsed == Bird(name="wren")
    assert response.text.verbosity == "low" and response.text.format.name == "Bird"
    sent = stack.upstream.connections(say.tag)[0]["body"]
    assert sent["response_format"]["json_schema"]["strict"] is True


def test_streams_are_accumulated(stack, sdk):
    client = sdk(stack.person("alice"))
    with client.responses.stream(model="scripted", input=prompt(tokens=3, reasoning=2)) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        assert snapshots[-1] == stream.get_final_response().output_text == spoken(3)
    say = [{"role": "user", "content": prompt(tokens=3)}]
    usage = {"include_usage": True}
    with client.chat.completions.stream(model="scripted", messages=say, stream_options=usage) as stream:
        kinds = {event.type for event in stream}
        completion = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert completion.choices[0].message.content == spoken(3)
    assert completion.usage.completion_tokens > 0


def test_lists_are_paged_through(stack, sdk):
    client = sdk(stack.person("alice"))
    items = [{"role": "user", "content": prompt(tokens=1, tag=f"{n}")} for n in range(5)]
    response = client.responses.create(model="scripted", input=items)
    for order in ("asc", "desc"):
        found = [item.content[0].text for item in client.responses.input_items.list(response.id, limit=2, order=order)]
        assert found == [item["content"] for item in items][:: 1 if order == "asc" else -1]


def test_what_a_client_may_ask_for_besides_refuses_nothing(stack, sdk):
    client = sdk(stack.person("alice"))
    say = [{"role": "user", "content": prompt(tools=CALLS), "name": "ütf"}]
    odd = {"n": 2, "logprobs": True, "top_logprobs": 2, "store": True, "metadata": {"a": "ü"}, "service_tier": "auto"}
    raw = client.chat.completions.with_raw_response.create(
        model="scripted", messages=say, tools=[tool_of_chat()], parallel_tool_calls=True, tool_choice="auto", **odd
    )
    assert raw.headers["X-Chatapp-Ignored-Parameters"] == "logprobs, metadata, n, store, top_logprobs"
    [choice] = raw.parse().choices
    assert [call.function.arguments for call in choice.message.tool_calls] == [call["arguments"] for call in CALLS]
    assert (choice.finish_reason, choice.logprobs) == ("tool_calls", None)
    response = client.responses.create(
        model="scripted",
        input=prompt(tokens=0, tools=CALLS, finish="tool_calls"),
        tools=[LOOK],
        truncation="auto",
        include=["message.output_text.logprobs", "reasoning.encrypted_content"],
        stream_options={"include_obfuscation": False},
        max_tool_calls=1,
        service_tier="flex",
        safety_identifier="ü",
        top_logprobs=2,
    )
    assert [item.type for item in response.output] == ["function_call"] * 2
    assert response.tools[0].strict is True and response.truncation == "auto" and response.safety_identifier == "ü"


def tool_of_chat() -> dict:
    return {"type": "function", "function": {name: value for name, value in LOOK.items() if name != "type"}}


@pytest.mark.parametrize("name", ["resp_ü", "resp_../models", "resp_%2F", " "])
def test_an_id_that_is_none_is_not_found(stack, sdk, name):
    with pytest.raises(openai.NotFoundError) as missed:
        sdk(stack.person("alice")).responses.retrieve(name)
    assert missed.value.code in ("response_not_found", "unknown_url")
