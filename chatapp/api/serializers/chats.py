"""Sessions and messages."""

from typing import Literal

from rest_framework import serializers

from chatapp.api.operations import example
from chatapp.api.serializers.fields import (
    Choice,
    Cost,
    Id,
    Integer,
    Number,
    QueryFlag,
    QueryInteger,
    Text,
    TimestampFlag,
)
from chatapp.api.serializers.strict import StrictSerializer
from chatapp.chats.models import Attachment, Effort, Message, MessageState, News, Role, Session
from runs.errors import ModelUnknown
from runs.models import Model
from runs.queries.export import FORMAT
from runs.session_feed import activity_of

SYSTEM_PROMPT_CHARACTERS = 20_000
MAX_TOKENS = 1_000_000  # more than any model writes in one answer
PAGE_ITEMS, MAX_ITEMS = 50, 200


class PageSerializer(serializers.Serializer):
    """Selects a page of a list."""

    limit = QueryInteger(min_value=1, max_value=MAX_ITEMS, default=PAGE_ITEMS, help_text="Maximum number of items.")
    cursor = Text(max_length=500, required=False, help_text="`next` or `previous` of another page.")


class SessionsQuery(PageSerializer):
    archived = QueryFlag(default=False, help_text="List archived sessions instead of the others.")
    pinned = QueryFlag(required=False, help_text="Only pinned sessions, or only the others.")
    answering = QueryFlag(required=False, help_text="Only sessions with an active run, or only the others.")
    q = Text(
        max_length=500,
        allow_blank=True,
        required=False,
        help_text="Words or beginnings of words; all must be in one message with its files, or in the title.",
    )


class BranchQuery(PageSerializer):
    leaf = Id(required=False, help_text="The last message of the branch. Default: the session's `tip`.")


class ModelName(Text):
    """The name of a model that the user may use. Raises ModelUnknown."""

    def __init__(self, **options) -> None:
        super().__init__(**{"max_length": 100, "allow_blank": True} | options)

    def to_internal_value(self, data: object) -> str:
        name = super().to_internal_value(data)
        usable = Model.objects.usable_by(self.context["request"].user)
        is_known = not name or ("\0" not in name and usable.filter(name=name).exists())
        if not is_known:  # PostgreSQL rejects NUL in a query
            raise ModelUnknown()
        return name


@example({"title": "Birds", "system_prompt": "Be brief.", "temperature": 0.3})
class SessionSerializer(StrictSerializer, serializers.ModelSerializer):
    """A conversation. Empty or null settings use the model's."""

    null_means = {
        "title": "", "model": "", "system_prompt": "", "reasoning_effort": "", "pinned": False, "archived": False,
    }  # fmt: skip

    id = Id(read_only=True)
    title = Text(
        max_length=80,
        allow_blank=True,
        required=False,
        help_text="Empty: the session gets a title after the first answer.",
    )
    model = ModelName(required=False, help_text="The model that answers. Empty: the default.")
    system_prompt = Text(max_length=SYSTEM_PROMPT_CHARACTERS, allow_blank=True, required=False)
    temperature = Number(min_value=0, max_value=2, allow_null=True, required=False)
    max_tokens = Integer(
        min_value=1, max_value=MAX_TOKENS, allow_null=True, required=False, help_text="Maximum length of an answer."
    )
    reasoning_effort = Choice(
        [("", "the model's"), *Effort.choices],
        required=False,
        help_text="Sent to models that reason, not to others.",
    )
    pinned = TimestampFlag("pinned_at", required=False, help_text="At the top of the list.")
    archived = TimestampFlag(
        "archived_at", required=False, help_text="In the archive. Sending a message restores the session."
    )
    activity = serializers.SerializerMethodField(help_text="Whether an answer is waiting or being written.")
    news = serializers.ChoiceField(
        [("", "nothing"), *News.choices],
        read_only=True,
        help_text="How the last answer ended, if you have not seen it.",
    )
    queue_held = serializers.BooleanField(source="is_queue_held", read_only=True)
    tip = Id(source="tip_id", read_only=True, allow_null=True, help_text="The last message of the visible branch.")

    class Meta:
        model = Session
        fields = [
            "id", "title", "model", "system_prompt", "temperature", "max_tokens", "reasoning_effort",
            "pinned", "archived", "activity", "news", "queue_held", "tip", "created_at", "active_at",
        ]  # fmt: skip
        extra_kwargs = {name: {"read_only": True} for name in ("created_at", "active_at")}

    def get_activity(self, session: Session) -> Literal["", "waiting", "answering"]:
        return activity_of(session)


class AgainSerializer(StrictSerializer):
    """Another answer to the same question, by the same model or another one."""

    model = Text(max_length=100, allow_blank=True, default="", help_text="Empty: the one that answered last.")


class TextSerializer(StrictSerializer):
    """A new text for a queued message. Its files are kept."""

    text = Text(allow_blank=True, help_text="Up to PROMPT_MAX_CHARACTERS characters.")


class EditSerializer(TextSerializer, AgainSerializer):
    """A question that replaces an earlier one, whose files are kept."""


class ToolSerializer(serializers.Serializer):
    """A tool call of the model."""

    index = serializers.IntegerField()
    id = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True)
    arguments = serializers.CharField(allow_blank=True, help_text="JSON, as the model wrote it.")


class SourceSerializer(serializers.Serializer):
    """A web page that an answer names. `[1]` in its text is the first."""

    url = serializers.CharField(help_text="Of http or https.")
    title = serializers.CharField(allow_blank=True)


class AttachmentSerializer(serializers.ModelSerializer):
    """A file of a message. The model reads its text after that of the message."""

    name = serializers.CharField(read_only=True)
    media_type = serializers.CharField(
        read_only=True, help_text="From the browser or the file name, such as `text/plain`."
    )
    size = serializers.IntegerField(read_only=True, help_text="Size of the file in bytes.")
    text = serializers.CharField(read_only=True, help_text="Its content, with LF line ends.")
    file = Id(
        source="file_id", read_only=True, allow_null=True, help_text="The stored file; null: it has nothing but `text`."
    )

    class Meta:
        model = Attachment
        fields = ["name", "media_type", "size", "text", "file"]


class MessageSerializer(serializers.ModelSerializer):  # of a CurrentMessage
    """A message of a session. While an answer is being written, `content` is the text so far."""

    id = Id(read_only=True)
    session = Id(source="session_id", read_only=True)
    parent = Id(
        source="parent_id",
        read_only=True,
        allow_null=True,
        help_text="Null: the first message, or one that is still queued.",
    )
    attachments = AttachmentSerializer(many=True, read_only=True, help_text="Files of a user's message.")
    tools = ToolSerializer(many=True, read_only=True)
    sources = SourceSerializer(many=True, read_only=True)
    run = Id(source="run_id", read_only=True, allow_null=True, help_text="The last run that wrote it.")
    last_seq = serializers.IntegerField(read_only=True, allow_null=True, help_text="Follow `run` after this.")

    class Meta:
        model = Message
        fields = [
            "id", "session", "parent", "role", "content", "attachments", "reasoning", "tools", "sources", "state",
            "run", "last_seq", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class ShareSerializer(serializers.Serializer):
    """The link by which anyone can read a session."""

    link = serializers.URLField(allow_null=True, read_only=True, help_text="Null if the session is not shared.")
    files = serializers.BooleanField(required=False, help_text="Whether it shows files. Missing: as before.")


class SessionSettingsSerializer(serializers.Serializer):
    """The session's settings at the time of export. Empty or null: the model's own setting."""

    system_prompt = serializers.CharField(allow_blank=True)
    temperature = serializers.FloatField(allow_null=True)
    max_tokens = serializers.IntegerField(allow_null=True)
    reasoning_effort = serializers.ChoiceField([("", "the model's"), *Effort.choices])


class UsageSerializer(serializers.Serializer):
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField(required=False, help_text="Of the prompt: from the provider's cache.")
    reasoning_tokens = serializers.IntegerField(required=False, help_text="Of the completion: reasoning.")


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
    sources = SourceSerializer(many=True)
    usage = UsageSerializer(allow_null=True, help_text="Of the last run; null if unknown.")
    cost = Cost(help_text=f"Of the last run. {Cost.HELP}")


class SessionDocumentSerializer(serializers.Serializer):
    """A session with all messages, for backup or import elsewhere."""

    format = serializers.ChoiceField([FORMAT])
    id = Id()
    title = serializers.CharField()
    created_at = serializers.DateTimeField()
    exported_at = serializers.DateTimeField()
    settings = SessionSettingsSerializer()
    shown = serializers.ListField(child=Id(), help_text="The branch that the session shows.")
    messages = DocumentedMessageSerializer(many=True, help_text="Oldest first.")


class PlacedSerializer(MessageSerializer):
    """A message with its alternatives: edited questions or other answers."""

    siblings = serializers.ListField(child=Id(), read_only=True, help_text="Oldest first, including this message.")

    class Meta(MessageSerializer.Meta):
        fields = [*MessageSerializer.Meta.fields, "siblings"]
        read_only_fields = fields
