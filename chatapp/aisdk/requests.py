"""Validate the requests of the AI SDK's transport (`DefaultChatTransport`)."""

from rest_framework import serializers

from chatapp.aisdk.chat_sessions import ChatRequest
from chatapp.aisdk.history import Held
from chatapp.chats.models import Message, Role
from chatapp.files.data_uris import Address, content_of
from runs.states import WhenBusy

NAME_MAX_CHARACTERS = 200  # of a chat; only its hash is stored
ID_MAX_CHARACTERS = Message._meta.get_field("key").max_length
SYSTEM = "system"
HARMLESS_PARTS = {
    "text",
    "step-start",
    "reasoning",
    "source-url",
}  # a chat that begins with such a message loses nothing
REGENERATE = "regenerate-message"
TRIGGERS = ("submit-message", REGENERATE)


class Name(serializers.CharField):
    """A JSON string of printable characters, chosen by the client."""

    default_error_messages = {"unprintable": "Only printable characters are allowed."}

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if not data.isprintable():
            self.fail("unprintable")
        return super().to_internal_value(data)


class PartSerializer(serializers.Serializer):
    """A part of a user's message: text, or a file as a data URI. The client's own data (`data-…`) is ignored."""

    type = serializers.CharField()
    url = serializers.CharField(required=False, trim_whitespace=False, help_text="Of a file: a data URI with base64.")
    filename = serializers.CharField(required=False, allow_blank=True, max_length=NAME_MAX_CHARACTERS)
    text = serializers.CharField(allow_blank=True, trim_whitespace=False, required=False)

    def validate(self, part: dict) -> dict:
        if part["type"] == "text" and "text" not in part:
            raise serializers.ValidationError({"text": ["This field is required."]})
        if part["type"] == "file":
            return part | {"content": self._content(part.get("url", ""))}
        if part["type"] != "text" and not part["type"].startswith("data-"):
            raise serializers.ValidationError({"type": [f"Parts of this type are not supported: {part['type'][:40]}"]})
        return part

    def _content(self, url: str) -> bytes:
        try:
            return content_of(url)
        except Address:
            raise serializers.ValidationError({"url": ["Addresses are not fetched. Send a data URI."]}) from None
        except ValueError:
            raise serializers.ValidationError({"url": ["This is no data URI with base64."]}) from None


class HeldSerializer(serializers.Serializer):
    """An earlier message of the page. Of its parts only the texts are compared."""

    id = Name(max_length=ID_MAX_CHARACTERS, default="", allow_blank=True)
    role = serializers.ChoiceField(["system", *Role.values])
    parts = serializers.ListField(child=serializers.DictField())

    def held(self) -> Held:
        message = self.validated_data
        texts = [str(part.get("text", "")) for part in message["parts"] if part.get("type") == "text"]
        others = [kind for part in message["parts"] if (kind := str(part.get("type"))) not in HARMLESS_PARTS]
        separator = "" if message["role"] == Role.ASSISTANT else "\n"
        return Held(message["id"], message["role"], separator.join(texts), others)


class MessageSerializer(serializers.Serializer):
    id = Name(max_length=ID_MAX_CHARACTERS, default="", allow_blank=True)
    role = serializers.ChoiceField([Role.USER.value])
    parts = PartSerializer(many=True)


class AskSerializer(serializers.Serializer):
    """`messages` as the SDK sends them, or only the last one as `message`. The earlier ones are compared."""

    id = Name(max_length=NAME_MAX_CHARACTERS)
    messages = serializers.ListField(child=serializers.JSONField(), required=False, allow_empty=False)
    message = MessageSerializer(required=False)
    trigger = serializers.ChoiceField(TRIGGERS, default="submit-message")
    messageId = Name(max_length=ID_MAX_CHARACTERS, allow_null=True, default=None)
    model = Name(max_length=100, allow_blank=True, allow_null=True, default="")
    when_busy = serializers.ChoiceField(WhenBusy.choices, default=WhenBusy.ENQUEUE)

    def validate(self, body: dict) -> dict:
        if "message" not in body:
            if "messages" not in body:
                raise serializers.ValidationError({"messages": ["This field is required."]})
            last = MessageSerializer(data=body["messages"][-1])
            if not last.is_valid():
                raise serializers.ValidationError({"messages": last.errors})
            body["message"] = last.validated_data
            body["held"] = [_held(message) for message in body["messages"][:-1]]
        return body

    def chat_request(self) -> ChatRequest:
        body = self.validated_data
        message, again = body["message"], body["trigger"] == REGENERATE
        return ChatRequest(
            name=body["messageId"] or message["id"],
            text="\n".join(part["text"] for part in message["parts"] if part["type"] == "text"),
            files=[(part.get("filename", ""), part["content"]) for part in message["parts"] if part["type"] == "file"],
            is_edit=body["messageId"] is not None and not again,
            is_again=again,
            model=body["model"] or "",
            when_busy=WhenBusy(body["when_busy"]),
            held=[one for one in body.get("held", []) if one.role != SYSTEM],
            instructions="\n\n".join(one.text for one in body.get("held", []) if one.role == SYSTEM),
        )


def _held(message: object) -> Held:
    serializer = HeldSerializer(data=message)
    if not serializer.is_valid():
        raise serializers.ValidationError({"messages": serializer.errors})
    return serializer.held()


class StopSerializer(serializers.Serializer):
    """Optionally names what to stop: a run, or the message it writes."""

    activeStreamId = serializers.CharField(allow_null=True, default=None)
    assistantMessage = serializers.DictField(allow_null=True, default=None)

    def is_for(self, run: object) -> bool:
        stream, message = self.validated_data["activeStreamId"], self.validated_data["assistantMessage"]
        named = message.get("id") if message else None
        return stream in (None, str(run.pk)) and named in (None, str(run.message_id))
