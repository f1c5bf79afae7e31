"""Models, and the user of the token."""

from django.contrib.auth import get_user_model
from rest_framework import serializers

from chatapp.api.serializers.chats import ModelName
from chatapp.api.serializers.fields import Choice, Flag, Text
from chatapp.api.serializers.strict import StrictSerializer
from chatapp.chats.models import Preferences, Theme
from runs.models import Model

PREFERENCES = ("theme", "model", "notifies")
NAME_CHARACTERS = get_user_model()._meta.get_field("first_name").max_length


class ModelSerializer(serializers.ModelSerializer):
    """An enabled model."""

    name = serializers.CharField(read_only=True, help_text="Value for `model` elsewhere.")
    label = serializers.CharField(read_only=True, help_text="Display name.")
    default = serializers.BooleanField(source="is_default", read_only=True, help_text="Used where no model is named.")

    class Meta:
        model = Model
        fields = ["name", "label", "default"]


class LimitsSerializer(serializers.Serializer):
    """The limits of one user; 0: no limit."""

    runs = serializers.IntegerField(help_text="Queued and running runs.")
    sends_a_minute = serializers.IntegerField()
    schedules = serializers.IntegerField()
    prompt_characters = serializers.IntegerField()


class MeSerializer(StrictSerializer):
    """The user of the token, and the user's preferences."""

    null_means = {"name": "", **{name: Preferences._meta.get_field(name).get_default() for name in PREFERENCES}}

    username = serializers.CharField(read_only=True)
    name = Text(max_length=NAME_CHARACTERS, allow_blank=True, required=False, help_text="How this site addresses you.")
    theme = Choice(Theme.choices, required=False)
    model = ModelName(required=False, help_text="For new sessions on pages. Empty: the site's default.")
    notifies = Flag(required=False, help_text="Whether the browser notifies you when an answer has ended.")
    staff = serializers.BooleanField(read_only=True)
    limits = LimitsSerializer(read_only=True)
