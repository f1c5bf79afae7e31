"""The same with the npm package `openai`, in a Node.js process."""

import os
from functools import partial
from pathlib import Path

import pytest

from tests.harness.node import Node
from tests.harness.upstream import prompt, spoken
from tests.openai.shapes import assert_event

pytestmark = pytest.mark.one_database


@pytest.fixture(scope="module")
def node():
    node = Node(Path(__file__).with_name("client.mjs"), PATH=os.environ["PATH"])
    yield node
    node.close()


@pytest.fixture
def act(node, stack):
    """What alice's program does: `act(act="cancel", id=…)`."""
    alice = stack.person("alice")
    return partial(node.ask, url=stack.url, token=alice.token)


def test_completions_come_whole_and_in_chunks(act):
    assert act(act="complete", text=prompt(tokens=3)) == spoken(3)
    assert act(act="complete", text=prompt(tokens=4), stream=True) == spoken(4)
    refusal = {"name": "NotFoundError", "status": 404, "code": "model_not_found", "param": "model"}
    assert act(act="refused") == refusal


def test_a_response_is_broken_off_resumed_and_the_same(act, stack):  # B7
    say = prompt(tokens=5, hold=[2])
    heard = act(act="begin", text=say, events=5)
    response_id = heard[0]["response"]["id"]
    stack.upstream.wait(say.tag, "stalled")
    stack.upstream.release(say.tag)
    rest = act(act="resume", id=response_id, after=heard[-1]["sequence_number"])
    whole = act(act="resume", id=response_id, after=0)
    assert heard + rest == whole
    for event in whole:
        assert_event(event)
    assert act(act="retrieve", id=response_id)["output_text"] == spoken(5)
    assert [item["role"] for item in act(act="items", id=response_id)] == ["user"]


def test_a_response_is_stopped(act, stack):  # B38
    say = prompt(tokens=5, stall_after=2)
    response_id = act(act="begin", text=say, events=1)[0]["response"]["id"]
    stack.upstream.wait(say.tag, "stalled")
    assert act(act="cancel", id=response_id)["status"] == act(act="cancel", id=response_id)["status"] == "cancelled"
    assert act(act="resume", id=response_id, after=0)[-1]["type"] == "response.cancelled"


def test_the_client_s_own_stream_puts_the_response_together(act):
    response = act(act="together", text=prompt(reasoning=1, tokens=3))
    assert (response["status"], response["output_text"]) == ("completed", spoken(3))
