"""Runs, and what waits in a queue."""

from rest_framework import serializers

from chatapp.api.serializers.chats import AttachmentSerializer, MessageSerializer, PageSerializer
from chatapp.api.serializers.fields import AskedFlag, Choice, Id, Text
from runs.models import Run
from runs.queries.answers import so_far
from runs.states import LostReason, Status, StopReason, Trigger

STATES_OF_STOP = [("stopping", "told"), ("stopped", "by this"), ("already_final", "before")]
REASONS = [("", "none"), *StopReason.choices, *LostReason.choices]


class RunsAsked(PageSerializer):
    session = Id(required=False, help_text="Only those of this session.")
    active = AskedFlag(required=False, help_text="Only those that are on their way, or only those that have ended.")
    status = Choice(Status.choices, required=False)
    trigger = Choice(Trigger.choices, required=False, help_text="Only those that were started so.")
    model = Text(max_length=100, required=False, help_text="Only those of this model.")


class UsageSerializer(serializers.Serializer):
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()


class RunSerializer(serializers.ModelSerializer):
    """One attempt of a model to answer. `message` is the answer's, `stream` is what to follow."""

    id = Id(read_only=True)
    stream = Id(source="id", read_only=True)
    session = Id(source="session_id", read_only=True)
    message = Id(source="message_id", read_only=True)
    model = serializers.CharField(source="model.name", default=None, read_only=True, allow_null=True)
    reason = serializers.ChoiceField(REASONS, read_only=True)
    stop_requested_by = serializers.CharField(
        source="stop_requested_by.username", default=None, read_only=True, allow_null=True
    )

    class Meta:
        model = Run
        fields = [
            "id", "stream", "session", "message", "model", "trigger",
            "status", "reason", "code", "error", "retryable", "finish_reason", "attempt",
            "stop_requested_at", "stop_requested_by",
            "queued_at", "started_at", "first_token_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class RunDetailSerializer(RunSerializer):
    """A run with what it has written so far; follow after `last_seq` for the rest."""

    last_seq = serializers.IntegerField(source="folded.last_seq", read_only=True)
    text = serializers.CharField(source="folded.text", read_only=True)
    reasoning = serializers.CharField(source="folded.reasoning", read_only=True)
    usage = UsageSerializer(read_only=True, allow_null=True, help_text="Null while nobody has said.")

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "last_seq", "text", "reasoning", "usage"]
        read_only_fields = fields

    def to_representation(self, run: Run) -> dict:
        run.folded = so_far(run)
        counts = {"prompt_tokens": run.prompt_tokens, "completion_tokens": run.completion_tokens}
        run.usage = run.folded.usage or (counts if None not in counts.values() else None)
        return super().to_representation(run)


class AcceptedSerializer(serializers.Serializer):
    """A question, and the run that answers it."""

    message = MessageSerializer()
    run = RunDetailSerializer()


class StopSerializer(serializers.Serializer):
    """What a Stop came to. `status` is how it had ended before."""

    state = serializers.ChoiceField(STATES_OF_STOP)
    status = serializers.ChoiceField(Status.choices, required=False)


class WaitingSerializer(serializers.ModelSerializer):
    """A run in the queue, with the text of the message that it will answer."""

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
    """What waits, the next one first. Held: nothing starts until it is released."""

    held = serializers.BooleanField()
    items = WaitingSerializer(many=True)
