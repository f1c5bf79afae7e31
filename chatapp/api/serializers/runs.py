"""Runs and queues."""

from rest_framework import serializers

from chatapp.api.serializers.chats import (
    AttachmentSerializer,
    MessageSerializer,
    PageSerializer,
    ToolSerializer,
    UsageSerializer,
)
from chatapp.api.serializers.fields import Choice, Cost, Id, QueryFlag, Text
from runs.models import Run
from runs.queries.answers import so_far, usage_of
from runs.states import LostReason, Status, StopReason, Trigger

STATES_OF_STOP = [("stopping", "told"), ("stopped", "by this"), ("already_final", "before")]
REASONS = [("", "none"), *StopReason.choices, *LostReason.choices]


class RunsQuery(PageSerializer):
    session = Id(required=False, help_text="Only runs of this session.")
    active = QueryFlag(required=False, help_text="Only active runs, or only ended ones.")
    status = Choice(Status.choices, required=False)
    trigger = Choice(Trigger.choices, required=False, help_text="Only runs that were started this way.")
    model = Text(max_length=100, required=False, help_text="Only runs of this model.")


class RunSerializer(serializers.ModelSerializer):
    """One attempt of a model to answer. `message` is the answer, `stream` the stream to follow."""

    id = Id(read_only=True)
    stream = Id(source="id", read_only=True)
    session = Id(source="session_id", read_only=True)
    message = Id(source="message_id", read_only=True)
    model = serializers.CharField(source="model.name", default=None, read_only=True, allow_null=True)
    reason = serializers.ChoiceField(REASONS, read_only=True)
    left_out = serializers.IntegerField(
        read_only=True, help_text="Earlier messages of the chat that were not sent, because they did not fit."
    )
    stop_requested_by = serializers.CharField(
        source="stop_requested_by.username", default=None, read_only=True, allow_null=True
    )

    class Meta:
        model = Run
        fields = [
            "id", "stream", "session", "message", "model", "trigger",
            "status", "reason", "code", "error", "retryable", "finish_reason", "attempt", "left_out",
            "stop_requested_at", "stop_requested_by",
            "queued_at", "started_at", "first_token_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class RunSoFar:
    """A run with its text so far and, if it is known, its usage. It has the run's own attributes, too."""

    def __init__(self, run: Run) -> None:
        self.folded = so_far(run)  # may end the run and read it again
        self.usage = self.folded.usage or usage_of(run) or None
        self._run = run

    def __getattr__(self, name: str) -> object:
        return getattr(self._run, name)


class RunDetailSerializer(RunSerializer):
    """A run with its text so far; follow it after `last_seq` for the rest."""

    last_seq = serializers.IntegerField(source="folded.last_seq", read_only=True)
    text = serializers.CharField(source="folded.text", read_only=True)
    reasoning = serializers.CharField(source="folded.reasoning", read_only=True)
    tools = ToolSerializer(source="folded.tools", many=True, read_only=True, help_text="Calls that the model makes.")
    usage = UsageSerializer(read_only=True, allow_null=True, help_text="Null while unknown.")
    cost = Cost()

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "last_seq", "text", "reasoning", "tools", "usage", "cost"]
        read_only_fields = fields

    def to_representation(self, run: Run) -> dict:
        return super().to_representation(RunSoFar(run))


class AcceptedSerializer(serializers.Serializer):
    """A message, and the run that answers it."""

    message = MessageSerializer()
    run = RunDetailSerializer()


class StopSerializer(serializers.Serializer):
    """The result of a stop request. `status` says how a run had ended before it."""

    state = serializers.ChoiceField(STATES_OF_STOP)
    status = serializers.ChoiceField(Status.choices, required=False)


class WaitingSerializer(serializers.ModelSerializer):
    """A queued run, with the message that it will answer."""

    run = Id(source="id", read_only=True)
    message = Id(source="message.parent_id", read_only=True)
    text = serializers.CharField(source="message.parent.content", read_only=True)
    attachments = AttachmentSerializer(source="message.parent.attachments", many=True, read_only=True)
    model = serializers.CharField(source="model.name", default=None, read_only=True, allow_null=True)

    class Meta:
        model = Run
        fields = ["run", "message", "text", "attachments", "model", "queued_at"]
        read_only_fields = fields


class QueueSerializer(serializers.Serializer):
    """The queue, next message first. While it is held, nothing starts."""

    held = serializers.BooleanField()
    items = WaitingSerializer(many=True)
