"""Comparisons. No field reveals the models of a blind comparison before the vote (B45)."""

from rest_framework import serializers

from chatapp.api.operations import example
from chatapp.api.serializers.chats import (
    MAX_TOKENS,
    SYSTEM_PROMPT_CHARACTERS,
    ModelName,
    SourceSerializer,
    ToolSerializer,
)
from chatapp.api.serializers.fields import Choice, Cost, Flag, Id, Integer, Number, QueryFlag, Text
from chatapp.api.serializers.strict import StrictSerializer
from chatapp.compare.actions import LEAST_PANES
from chatapp.compare.contenders import Contender
from chatapp.compare.models import LETTERS, MAX_PANES, Comparison
from chatapp.compare.panes import PaneView
from runs.models import Model

ORDERS = ["parallel", "sequential"]
TIE = "tie"
STATES = ["waiting", "answering", "retrying", "stopping", "completed", "stopped", "failed", "lost", "gone"]


class ContenderSerializer(StrictSerializer):
    """A model, and the settings that differ for it."""

    model = ModelName(allow_blank=False)
    temperature = Number(min_value=0, max_value=2, allow_null=True, default=None)
    max_tokens = Integer(min_value=1, max_value=MAX_TOKENS, allow_null=True, default=None)
    system_prompt = Text(max_length=SYSTEM_PROMPT_CHARACTERS, allow_blank=True, default="")

    def validate(self, values: dict) -> dict:
        return values | {"model": Model.objects.get(name=values["model"])}


@example({"prompt": "Which tree?", "contenders": [{"model": "smollm2"}, {"model": "smollm2", "temperature": 1}]})
class CompareSerializer(StrictSerializer):
    """A prompt and the models to compare. Their panes are in random order."""

    prompt = Text(allow_blank=True, help_text="Up to PROMPT_MAX_CHARACTERS characters.")
    contenders = ContenderSerializer(many=True, min_length=LEAST_PANES, max_length=MAX_PANES)
    blind = Flag(default=True, help_text="Hide the names until the vote.")
    order = Choice(ORDERS, default="parallel")

    def validate_contenders(self, values: list[dict]) -> list[Contender]:
        contenders = [Contender(**each) for each in values]
        if len({contender.label for contender in contenders}) < len(contenders):
            raise serializers.ValidationError("Two of them are identical.")
        return contenders


class VoteSerializer(StrictSerializer):
    choice = Choice([*LETTERS, TIE], help_text="The letter of an open pane, or a tie.")


class ScoreboardQuery(serializers.Serializer):
    all = QueryFlag(default=False, help_text="Also votes in comparisons that were not blind.")


class ComparisonSerializer(serializers.ModelSerializer):
    """A prompt that was sent to several models."""

    id = Id(read_only=True)
    blind = serializers.BooleanField(source="is_blind", read_only=True)
    order = serializers.SerializerMethodField()
    hidden = serializers.BooleanField(source="hides_models", read_only=True, help_text="Whether the names are hidden.")
    winner = serializers.SerializerMethodField(help_text="A letter, `tie`, or null before the vote.")

    class Meta:
        model = Comparison
        fields = ["id", "prompt", "blind", "order", "hidden", "winner", "voted_at", "created_at"]
        read_only_fields = fields

    def get_order(self, comparison: Comparison) -> str:
        return ORDERS[comparison.is_sequential]

    def get_winner(self, comparison: Comparison) -> str | None:
        if comparison.voted_at is None:
            return None
        return comparison.winner.letter if comparison.winner else TIE


class PaneSerializer(serializers.Serializer):
    """One answer. Follow `run` after `last_seq` while it is being written: without a follower it is stopped."""

    id = Id(source="pane.id", read_only=True)
    letter = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(STATES, read_only=True)
    contender = serializers.SerializerMethodField(help_text="Null while it is hidden.")
    model = serializers.SerializerMethodField(help_text="Null while it is hidden.")
    session = serializers.SerializerMethodField(help_text="The session that continues it.")
    run = Id(source="run.id", default=None, read_only=True, allow_null=True)
    last_seq = serializers.IntegerField(source="seq", read_only=True)
    text = serializers.CharField(read_only=True)
    reasoning = serializers.CharField(read_only=True)
    tools = ToolSerializer(many=True, read_only=True)
    sources = SourceSerializer(many=True, read_only=True)
    trouble = serializers.CharField(source="failure", read_only=True, help_text="Why the answer is not complete.")
    first_token_seconds = serializers.FloatField(source="figures.first_token_seconds", read_only=True, allow_null=True)
    tokens = serializers.IntegerField(source="figures.tokens", read_only=True, allow_null=True)
    tokens_per_second = serializers.FloatField(source="figures.tokens_per_second", read_only=True, allow_null=True)
    cost = Cost(source="figures.cost")

    def get_contender(self, view: PaneView) -> str | None:
        return None if view.pane.comparison.hides_models else view.pane.contender

    def get_model(self, view: PaneView) -> str | None:
        return None if view.pane.comparison.hides_models else view.pane.model_name

    def get_session(self, view: PaneView) -> str | None:
        session = view.pane.session
        return str(session.pk) if session is not None and session.is_listed else None


class PanesSerializer(ComparisonSerializer):
    """A comparison with its open panes."""

    panes = PaneSerializer(source="views", many=True, read_only=True)

    class Meta(ComparisonSerializer.Meta):
        fields = [*ComparisonSerializer.Meta.fields, "panes"]
        read_only_fields = fields


class StandingSerializer(serializers.Serializer):
    """How one contender did. docs/compare.md explains the rating."""

    contender = serializers.CharField()
    wins = serializers.IntegerField()
    ties = serializers.IntegerField()
    losses = serializers.IntegerField()
    win_rate = serializers.FloatField(help_text="A tie counts as half a win.")
    rating = serializers.FloatField()


class ScoreboardSerializer(serializers.Serializer):
    """All contenders, best first."""

    items = StandingSerializer(many=True)
