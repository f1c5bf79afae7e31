"""Messages to send: their text, and what a program chooses for one answer."""

from rest_framework import serializers

from chatapp.api.operations import example
from chatapp.api.serializers.chats import MAX_TOKENS, PAGE_ITEMS, SYSTEM_PROMPT_CHARACTERS, SessionSerializer
from chatapp.api.serializers.fields import Choice, Flag, Id, Integer, Number, QueryInteger, Text
from chatapp.api.serializers.strict import StrictSerializer
from runs.options import Options
from runs.states import WhenBusy

MAX_WAIT_SECONDS = 300  # of a request that waits for its answer
MAX_STOPS, MAX_TOOLS = 4, 128
MAX_RESULTS = 64  # of tools, in one message
FLAGS = {"": True, "true": True, "false": False}


class StreamFlag(serializers.BooleanField):
    """`?stream`, or the text true or false."""

    def to_internal_value(self, data: object) -> bool:
        return FLAGS[data] if isinstance(data, str) and data in FLAGS else self.fail("invalid", input=data)


class SendQuery(serializers.Serializer):
    """How the answer is sent."""

    stream = StreamFlag(default=False, help_text="Respond with the events of the run, as server-sent events.")
    wait = QueryInteger(
        min_value=0,
        max_value=MAX_WAIT_SECONDS,
        default=0,
        help_text="Respond when the run has ended, at the latest after so many seconds.",
    )


class FunctionSerializer(StrictSerializer):
    """A function that the model may call."""

    name = Text(max_length=64)
    description = Text(allow_blank=True, required=False)
    parameters = serializers.DictField(required=False, help_text="A JSON schema.")
    strict = Flag(required=False)


class ToolDefinitionSerializer(StrictSerializer):
    """A tool, as in a chat completion."""

    type = Choice([("function", "a function")])
    function = FunctionSerializer()


@example({"temperature": 0.2, "response_format": {"type": "json_object"}})
class ParametersSerializer(StrictSerializer):
    """Parameters of a chat completion, for this answer. What is left out is as the session or the model has it."""

    temperature = Number(min_value=0, max_value=2, required=False)
    top_p = Number(min_value=0, max_value=1, required=False)
    presence_penalty = Number(min_value=-2, max_value=2, required=False)
    frequency_penalty = Number(min_value=-2, max_value=2, required=False)
    max_tokens = Integer(min_value=1, max_value=MAX_TOKENS, required=False)
    stop = serializers.ListField(child=Text(max_length=500), max_length=MAX_STOPS, required=False)
    seed = Integer(min_value=-(2**63), max_value=2**63 - 1, required=False)
    reasoning_effort = Text(max_length=20, required=False)
    response_format = serializers.DictField(required=False, help_text="`json_object`, or `json_schema` with a schema.")
    tools = ToolDefinitionSerializer(many=True, required=False)
    tool_choice = Choice([("auto", "auto"), ("none", "none"), ("required", "required")], required=False)
    parallel_tool_calls = Flag(required=False)

    def validate_tools(self, tools: list) -> list:
        if len(tools) > MAX_TOOLS:
            raise serializers.ValidationError([f"There are more than {MAX_TOOLS}."])
        return tools

    def validate(self, parameters: dict) -> dict:
        if not parameters.get("tools") and parameters.keys() & {"tool_choice", "parallel_tool_calls"}:
            raise serializers.ValidationError({"tools": ["There are none to choose from."]})
        return parameters


class ToolResultSerializer(StrictSerializer):
    """The result of a call in the answer before."""

    id = Text(max_length=200, help_text="Of the call, as in `tools` of the run.")
    content = Text(allow_blank=True)


@example({"text": "What is a wren?", "when_busy": "enqueue"})
class SendSerializer(StrictSerializer):
    """A message to send. With results of tools the text may be empty."""

    text = Text(
        allow_blank=True,
        help_text="Up to PROMPT_MAX_CHARACTERS characters. It may be empty if there are files or results of tools.",
    )
    model = Text(max_length=100, allow_blank=True, default="", help_text="Empty: the one that answered last.")
    when_busy = Choice(
        WhenBusy.choices, default=WhenBusy.ENQUEUE, help_text="What to do while an answer is being written."
    )
    files = serializers.ListField(
        child=Id(), default=list, max_length=PAGE_ITEMS, help_text="Ids of uploaded files, in the order to be read."
    )
    instructions = Text(
        max_length=SYSTEM_PROMPT_CHARACTERS,
        allow_blank=True,
        required=False,
        help_text="For this answer, in place of the session's system prompt.",
    )
    parameters = ParametersSerializer(required=False)
    tool_results = ToolResultSerializer(many=True, required=False)

    def validate_tool_results(self, results: list) -> list:
        if len(results) > MAX_RESULTS:
            raise serializers.ValidationError([f"There are more than {MAX_RESULTS}."])
        return results


@example({"text": "What is a wren?", "session": {"title": "Birds"}})
class FirstMessageSerializer(SendSerializer):
    """A message that begins a session, which may be given settings."""

    when_busy = None
    tool_results = None
    session = SessionSerializer(required=False)


def options_of(body: dict) -> Options | None:
    """What the body chooses for its answer; None: nothing."""
    if not body.keys() & {"instructions", "parameters", "tool_results"}:
        return None
    return Options(instructions=body.get("instructions", ""), parameters=body.get("parameters", {}))
