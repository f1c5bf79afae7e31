"""Sessions and messages."""

from typing import Literal

from rest_framework import serializers

from chatapp.api.operations import example
from chatapp.api.serializers.fields import AskedFlag, AskedWhole, Choice, Flag, Id, Number, Text, Whole
from chatapp.chats.models import Attachment, Message, MessageState, News, Role, Session
from runs.errors import ModelUnknown
from runs.models import Model
from runs.queries.export import FORMAT
from runs.session_feed import activity_of
from runs.states import WhenBusy

SYSTEM_PROMPT_CHARACTERS = 20_000
MAX_TOKENS = 1_000_000  # more than any model writes at once
PAGE_ITEMS, MAX_ITEMS = 50, 200


class PageSerializer(serializers.Serializer):
    """Which part of a list."""

    limit = AskedWhole(min_value=1, max_value=MAX_ITEMS, default=PAGE_ITEMS, help_text="Items at most.")
    cursor = Text(max_length=500, required=False, help_text="`next` or `previous` of another page.")


class SessionsAsked(PageSerializer):
    archived = AskedFlag(default=False, help_text="Those in the archive, in the place of the others.")
    pinned = AskedFlag(required=False, help_text="Only those that are pinned, or only the others.")
    answering = AskedFlag(required=False, help_text="Only those in which an answer is on its way, or only the others.")
    q = Text(
        max_length=500,
        allow_blank=True,
        required=False,
        help_text="Words, or their beginnings, all in one message with its files, or in the title.",
    )


class BranchAsked(PageSerializer):
    leaf = Id(required=False, help_text="The message that the branch ends with. Without one: the session's `tip`.")


class ModelName(Text):
    """The name of a model that can be asked. Raises ModelUnknown."""

    def __init__(self, **options) -> None:
        super().__init__(**{"max_length": 100, "allow_blank": True} | options)

    def to_internal_value(self, data: object) -> str:
        name = super().to_internal_value(data)
        is_known = not name or ("\0" not in name and Model.objects.filter(name=name, enabled=True).exists())
        if not is_known:  # PostgreSQL cannot even be asked for a NUL
            raise ModelUnknown()
        return name


@example({"title": "Birds", "system_prompt": "Be brief.", "temperature": 0.3})
class SessionSerializer(serializers.ModelSerializer):
    """A conversation. What is empty or null is as the model has it."""

    id = Id(read_only=True)
    title = Text(max_length=80, allow_blank=True, required=False, help_text="Empty: named after the first answer.")
    model = ModelName(required=False, help_text="Which model answers. Empty: the default.")
    system_prompt = Text(max_length=SYSTEM_PROMPT_CHARACTERS, allow_blank=True, required=False)
    temperature = Number(min_value=0, max_value=2, allow_null=True, required=False)
    max_tokens = Whole(min_value=1, max_value=MAX_TOKENS, allow_null=True, required=False, help_text="Of one answer.")
    pinned = Flag(required=False, help_text="At the top of the list.")
    archived = Flag(required=False, help_text="Out of the way. Sending to it brings it back.")
    activity = serializers.SerializerMethodField(help_text="Whether an answer is asked for, or being written.")
    news = serializers.ChoiceField([("", "nothing"), *News.choices], read_only=True, help_text="Since you looked.")
    queue_held = serializers.BooleanField(source="is_queue_held", read_only=True)
    tip = Id(source="tip_id", read_only=True, allow_null=True, help_text="The message that its branch ends with.")

    class Meta:
        model = Session
        fields = [
            "id", "title", "model", "system_prompt", "temperature", "max_tokens", "pinned", "archived",
            "activity", "news", "queue_held", "tip", "created_at", "active_at",
        ]  # fmt: skip
        extra_kwargs = {name: {"read_only": True} for name in ("created_at", "active_at")}

    def get_activity(self, session: Session) -> Literal["", "waiting", "answering"]:
        return activity_of(session)

    def to_representation(self, session: Session) -> dict:
        session.pinned, session.archived = session.pinned_at is not None, session.archived_at is not None
        return super().to_representation(session)


@example({"text": "What is a wren?", "when_busy": "enqueue"})
class SendSerializer(serializers.Serializer):
    """A prompt. Its own rules (not empty, not too long) are `runs.actions.send`'s."""

    text = Text(allow_blank=True, help_text="Up to PROMPT_MAX_CHARACTERS characters.")
    model = Text(max_length=100, allow_blank=True, default="", help_text="Empty: the one that answered last.")
    when_busy = Choice(WhenBusy.choices, default=WhenBusy.ENQUEUE, help_text="While an answer is being written.")


class AgainSerializer(serializers.Serializer):
    """Another answer to the same question, by the same model or another one."""

    model = Text(max_length=100, allow_blank=True, default="", help_text="Empty: the one that answered last.")


class TextSerializer(serializers.Serializer):
    """A new text for a message that waits. Files that were sent with it stay."""

    text = Text(allow_blank=True, help_text="Up to PROMPT_MAX_CHARACTERS characters.")


class EditSerializer(TextSerializer, AgainSerializer):
    """Another question in the place of an earlier one. Files that were sent with that go with this one, too."""


class ToolSerializer(serializers.Serializer):
    """A call that the model asks for."""

    index = serializers.IntegerField()
    id = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True)
    arguments = serializers.CharField(allow_blank=True, help_text="JSON, as the model wrote it.")


class AttachmentSerializer(serializers.ModelSerializer):
    """A file of text that was sent with a message. The model reads it behind the message's own words."""

    name = serializers.CharField(read_only=True)
    media_type = serializers.CharField(read_only=True, help_text="As the browser or the name says: `text/plain`.")
    size = serializers.IntegerField(read_only=True, help_text="Bytes of the file that was sent.")
    text = serializers.CharField(read_only=True, help_text="What is in it, with LF at the ends of lines.")

    class Meta:
        model = Attachment
        fields = ["name", "media_type", "size", "text"]


class MessageSerializer(serializers.ModelSerializer):
    """One entry of a session. `content` of an answer that is being written is what there is so far."""

    id = Id(read_only=True)
    session = Id(source="session_id", read_only=True)
    parent = Id(source="parent_id", read_only=True, allow_null=True, help_text="Null: the first, or not placed yet.")
    attachments = AttachmentSerializer(many=True, read_only=True, help_text="Files of a user's message, in order.")
    tools = ToolSerializer(many=True, read_only=True)
    run = Id(source="run_id", read_only=True, allow_null=True, help_text="The last run that wrote it.")
    last_seq = serializers.IntegerField(read_only=True, allow_null=True, help_text="Follow `run` after this.")

    class Meta:
        model = Message
        fields = [
            "id", "session", "parent", "role", "content", "attachments", "reasoning", "tools", "state",
            "run", "last_seq", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def to_representation(self, message: Message) -> dict:
        for name in ("run_id", "last_seq"):
            if not hasattr(message, name):
                setattr(message, name, None)
        return super().to_representation(message)


class ShareSerializer(serializers.Serializer):
    """The way by which anybody can read a session, without a token."""

    link = serializers.URLField(allow_null=True, help_text="Null: there is none.")


class SessionSettingsSerializer(serializers.Serializer):
    """As the session had them when it was exported. What is empty or null is as the model has it."""

    system_prompt = serializers.CharField(allow_blank=True)
    temperature = serializers.FloatField(allow_null=True)
    max_tokens = serializers.IntegerField(allow_null=True)


class DocumentedMessageSerializer(serializers.Serializer):
    """A message in a document. `parent_id` makes them a tree."""

    id = Id()
    parent_id = Id(allow_null=True)
    role = serializers.ChoiceField(Role.choices)
    state = serializers.ChoiceField(MessageState.choices)
    content = serializers.CharField(allow_blank=True)
    attachments = AttachmentSerializer(many=True)
    reasoning = serializers.CharField(allow_blank=True)
    tools = ToolSerializer(many=True)
    created_at = serializers.DateTimeField()
    model = serializers.CharField(allow_null=True, help_text="Null: a person wrote it, or the model was removed.")


class SessionDocumentSerializer(serializers.Serializer):
    """A session with everything that was said, to keep or to take elsewhere."""

    format = serializers.ChoiceField([FORMAT])
    id = Id()
    title = serializers.CharField()
    created_at = serializers.DateTimeField()
    exported_at = serializers.DateTimeField()
    settings = SessionSettingsSerializer()
    shown = serializers.ListField(child=Id(), help_text="The branch that the session shows.")
    messages = DocumentedMessageSerializer(many=True, help_text="The oldest first.")


class PlacedSerializer(MessageSerializer):
    """A message, and those that stand in the same place: other questions, or other answers."""

    siblings = serializers.ListField(child=Id(), read_only=True, help_text="The oldest first, this one among them.")

    class Meta(MessageSerializer.Meta):
        fields = [*MessageSerializer.Meta.fields, "siblings"]
        read_only_fields = fields
