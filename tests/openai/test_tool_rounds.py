"""What a provider attached to a tool call, and the reasoning before it, go back with the call's result (B64)."""

import pytest

from chatapp.openai.chat_requests import parse_chat_request
from chatapp.openai.errors import Refusal
from runs.upstream.profiles.profile import Profile
from runs.upstream.profiles.shaping import shape_messages

EXTRA = {"google": {"thought_signature": "abc"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}, "extra_content": EXTRA}
ROUND = [
    {"role": "user", "content": "Weather in Rome?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "Hm.", "reasoning_details": []},
    {"role": "tool", "tool_call_id": "c1", "content": "Sunny."},
]


def test_a_tool_call_goes_back_with_what_its_provider_attached_and_its_reasoning():
    messages = parse_chat_request({"messages": ROUND}).input
    assert messages[1]["tool_calls"] == [CALL]
    assert shape_messages(Profile(reasoning="required"), messages)[1]["reasoning_content"] == "Hm."
    assert "reasoning_content" not in shape_messages(Profile(), messages)[1]


def test_reasoning_of_an_answer_without_calls_does_not_go_back():
    answer = {"role": "assistant", "content": "Sunny.", "reasoning_content": "Hm."}
    assert parse_chat_request({"messages": [ROUND[0], answer, ROUND[0]]}).input[1] == {
        "role": "assistant",
        "content": "Sunny.",
    }


@pytest.mark.parametrize("wrong", [{"extra_content": "abc"}, {"extra_content": []}])
def test_an_attachment_of_another_type_is_refused(wrong):
    message = ROUND[1] | {"tool_calls": [CALL | wrong]}
    with pytest.raises(Refusal):
        parse_chat_request({"messages": [ROUND[0], message]})
