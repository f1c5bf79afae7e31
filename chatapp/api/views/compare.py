"""Comparisons: one prompt, several models side by side."""

from django.db.models import QuerySet
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.accounts.throttles import RUNS
from chatapp.api.operations import operation
from chatapp.api.serializers.chats import PageSerializer, SessionSerializer
from chatapp.api.serializers.compare import (
    CompareSerializer,
    ComparisonSerializer,
    PanesSerializer,
    ScoreboardAsked,
    ScoreboardSerializer,
    VoteSerializer,
)
from chatapp.api.views.endpoint import Endpoint
from chatapp.api.views.messages import OF_SENDING
from chatapp.chats.models import Session
from chatapp.compare import actions
from chatapp.compare.errors import AlreadyVoted, PaneGone, PaneUnknown, StillAnswering, StillBlind, TooFewPanes
from chatapp.compare.models import Comparison, Pane
from chatapp.compare.panes import views_of
from chatapp.compare.scoreboard import ballots_of, standings
from runs.errors import BrokerUnavailable
from runs.session_feed import with_activity

OF_STARTING = [error for error in OF_SENDING if error is not BrokerUnavailable]  # a pane says so itself


class OfComparison(Endpoint):
    serializer_class = PanesSerializer

    def get_queryset(self) -> QuerySet[Comparison]:
        return Comparison.objects.visible_to(self.request.user).select_related("winner")

    def shown(self, pk, status: int = 200, **options) -> Response:
        """The comparison as it is now."""
        comparison = self.get_queryset().get(pk=pk)
        comparison.views = views_of(comparison)
        for view in comparison.views:
            view.pane.comparison = comparison
        return Response(PanesSerializer(comparison).data, status=status, **options)


class OfPane(OfComparison):
    def get_queryset(self):
        return Pane.objects.visible_to(self.request.user).select_related("comparison", "session")

    def shown(self, pane: Pane, status: int = 200) -> Response:
        comparisons = Comparisons(request=self.request)
        return comparisons.shown(pane.comparison_id, status)


class Comparisons(OfComparison):
    serializer_class = ComparisonSerializer
    asked_class = PageSerializer
    throttle_scopes = {"POST": RUNS}

    @operation(
        "list_comparisons", "The comparisons, the newest first", ComparisonSerializer, asks=PageSerializer, is_list=True
    )
    def get(self, request: Request) -> Response:
        return self.listed(request, self.get_queryset(), ["-id"], self.asked(request)["limit"])

    @operation(
        "create_comparison",
        "Ask several models the same",
        PanesSerializer,
        status=201,
        takes=CompareSerializer,
        once=True,
        errors=OF_STARTING,
    )
    def post(self, request: Request) -> Response:
        """The answers end when nobody follows them, nor reads the comparison, for a while (`VIEWER_SECONDS`)."""
        self.serializer_class = CompareSerializer
        taken = self.taken(request)

        def compare():
            options = {"is_blind": taken["blind"], "is_sequential": taken["order"] == "sequential"}
            return actions.compare(request.user, taken["prompt"], taken["contenders"], **options)

        asked = {name: request.data.get(name) for name in taken}
        comparison = self.once(request, asked, compare)
        return self.shown(comparison.pk, 201, headers={"Location": reverse("api:comparison", args=[comparison.pk])})


class ComparisonDetail(OfComparison):
    @operation("read_comparison", "Read a comparison, with its answers so far", PanesSerializer)
    def get(self, request: Request, pk) -> Response:
        """While it is blind no name is told. Its answers go on for a while (`VIEWER_SECONDS`) with each reading."""
        comparison = self.get_object()
        actions.look_at(comparison)
        return self.shown(comparison.pk)

    @operation("delete_comparison", "Delete a comparison and its answers", status=204)
    def delete(self, request: Request, pk) -> Response:
        """Chats that were made of panes stay."""
        actions.delete(self.get_object(), by=request.user)
        return Response(status=204)


class StopAll(OfComparison):
    @operation("stop_comparison", "Stop all answers, also those that have not begun", PanesSerializer)
    def post(self, request: Request, pk) -> Response:
        comparison = self.get_object()
        actions.stop_all(comparison, by=request.user)
        return self.shown(comparison.pk)


class Vote(OfComparison):
    serializer_class = VoteSerializer

    @operation(
        "vote",
        "Say who won: the names are told from now on",
        PanesSerializer,
        takes=VoteSerializer,
        errors=[AlreadyVoted, PaneUnknown, StillAnswering],
    )
    def post(self, request: Request, pk) -> Response:
        """Once and for all."""
        comparison, taken = self.get_object(), self.taken(request)
        actions.vote(comparison, taken["choice"])
        return self.shown(comparison.pk)


class Scoreboard(Endpoint):
    serializer_class = ScoreboardSerializer
    asked_class = ScoreboardAsked

    @operation("read_scoreboard", "How often each contender won", ScoreboardSerializer, asks=ScoreboardAsked)
    def get(self, request: Request) -> Response:
        board = standings(ballots_of(request.user, blind_only=not self.asked(request)["all"]))
        return Response(self.get_serializer({"items": board}).data)


class StopPane(OfPane):
    @operation("stop_pane", "Stop one answer; the others go on", PanesSerializer)
    def post(self, request: Request, pk) -> Response:
        pane = self.get_object()
        actions.stop_pane(pane, by=request.user)
        return self.shown(pane)


class ClosePane(OfPane):
    @operation("close_pane", "Take an answer away", PanesSerializer, errors=[TooFewPanes, AlreadyVoted])
    def post(self, request: Request, pk) -> Response:
        """What is being written in it is stopped."""
        pane = self.get_object()
        actions.close(pane, by=request.user)
        return self.shown(pane)


class RerollPane(OfPane):
    throttle_scopes = {"POST": RUNS}

    @operation(
        "reroll_pane",
        "Another answer of the same contender, in the place of this one",
        PanesSerializer,
        status=202,
        once=True,
        errors=[AlreadyVoted, StillAnswering, PaneGone, *OF_STARTING],
    )
    def post(self, request: Request, pk) -> Response:
        pane = self.get_object()

        def reroll():
            actions.reroll(pane, by=request.user)
            return pane

        return self.shown(self.once(request, None, reroll), 202)


class GoOn(OfPane):
    serializer_class = SessionSerializer

    @operation("go_on_with_pane", "Make a session of an answer", SessionSerializer, errors=[StillBlind, PaneGone])
    def post(self, request: Request, pk) -> Response:
        """What is still being written in it does not depend on anybody any more. The same again: the same session."""
        session = actions.go_on_with(self.get_object())
        return Response(self.get_serializer(with_activity(Session.objects.filter(pk=session.pk)).get()).data)
