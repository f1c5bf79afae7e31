"""What the site offers, and who asks."""

from django.contrib.auth import get_user_model
from rest_framework import serializers

from chatapp.api.serializers.chats import ModelName
from chatapp.api.serializers.fields import Choice, Flag, Text
from chatapp.chats.models import Theme
from runs.models import Model

NAME_CHARACTERS = get_user_model()._meta.get_field("first_name").max_length


class ModelSerializer(serializers.ModelSerializer):
    """A model that can be asked."""

    name = serializers.CharField(read_only=True, help_text="What `model` takes elsewhere.")
    label = serializers.CharField(read_only=True, help_text="How people see it.")
    default = serializers.BooleanField(source="is_default", read_only=True, help_text="Asked where none is named.")

    class Meta:
        model = Model
        fields = ["name", "label", "default"]


class LimitsSerializer(serializers.Serializer):
    """What one user may have or send; 0: no limit."""

    runs = serializers.IntegerField(help_text="On their way at once.")
    sends_a_minute = serializers.IntegerField()
    schedules = serializers.IntegerField()
    prompt_characters = serializers.IntegerField()


class MeSerializer(serializers.Serializer):
    """Whose token this is, and what he has chosen."""

    username = serializers.CharField(read_only=True)
    name = Text(max_length=NAME_CHARACTERS, allow_blank=True, required=False, help_text="How this site calls you.")
    theme = Choice(Theme.choices, required=False)
    model = ModelName(required=False, help_text="For new sessions on pages. Empty: the site's default.")
    notifies = Flag(required=False, help_text="Whether the browser tells when an answer has ended.")
    staff = serializers.BooleanField(read_only=True)
    limits = LimitsSerializer(read_only=True)
