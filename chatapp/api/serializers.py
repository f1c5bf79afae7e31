"""What the API takes and gives, as JSON."""

from rest_framework import serializers

from chatapp.chats.models import Message, Session
from runs.answers import so_far
from runs.errors import ModelUnknown
from runs.models import Model, Run
from runs.states import WhenBusy


class Text(serializers.CharField):
    """A JSON string. The framework's own field would take a number for one."""

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class SessionSerializer(serializers.ModelSerializer):
    title = Text(max_length=80, allow_blank=True, default="")
    model = Text(max_length=100, allow_blank=True, default="")

    class Meta:
        model = Session
        fields = ["id", "title", "model", "created_at"]

    def validate_model(self, name: str) -> str:
        if name and not Model.objects.filter(name=name, enabled=True).exists():
            raise ModelUnknown()
        return name


class SendSerializer(serializers.Serializer):
    """A prompt. Its own rules (not empty, not too long) are `runs.actions.send`'s."""

    text = Text(allow_blank=True, trim_whitespace=False)
    model = Text(max_length=100, allow_blank=True, default="")
    when_busy = serializers.ChoiceField(WhenBusy.choices, default=WhenBusy.ENQUEUE)


class AgainSerializer(serializers.Serializer):
    """Another answer to the same question, by the same model or another one."""

    model = Text(max_length=100, allow_blank=True, default="")


class TextSerializer(serializers.Serializer):
    """A new text for a message that waits."""

    text = Text(allow_blank=True, trim_whitespace=False)


class EditSerializer(TextSerializer, AgainSerializer):
    """Another question in the place of an earlier one."""


class MessageSerializer(serializers.ModelSerializer):
    class Meta:
        model = Message
        fields = ["id", "session", "parent", "role", "content", "state", "created_at"]


class WaitingSerializer(serializers.ModelSerializer):
    """A run in the queue, with the text of the message that it will answer."""

    run = serializers.UUIDField(source="id")
    message = serializers.UUIDField(source="message.parent_id")
    text = serializers.CharField(source="message.parent.content")
    model = serializers.SlugRelatedField(slug_field="name", read_only=True)

    class Meta:
        model = Run
        fields = ["run", "message", "text", "model", "queued_at"]


class RunSerializer(serializers.ModelSerializer):
    """A run with what it has written so far. `message` is the answer's, `stream` is what to follow."""

    stream = serializers.UUIDField(source="id")
    model = serializers.SlugRelatedField(slug_field="name", read_only=True)
    stop_requested_by = serializers.SlugRelatedField(slug_field="username", read_only=True)

    class Meta:
        model = Run
        fields = [
            "id", "stream", "session", "message", "model", "trigger",
            "status", "reason", "code", "error", "retryable", "finish_reason", "attempt",
            "stop_requested_at", "stop_requested_by",
            "queued_at", "started_at", "first_token_at", "finished_at",
        ]  # fmt: skip

    def to_representation(self, run: Run) -> dict:
        folded = so_far(run)
        counts = {"prompt_tokens": run.prompt_tokens, "completion_tokens": run.completion_tokens}
        return super().to_representation(run) | {
            "last_seq": folded.last_seq,
            "text": folded.text,
            "reasoning": folded.reasoning,
            "usage": folded.usage or (counts if any(counts.values()) else None),
        }
