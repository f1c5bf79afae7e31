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
    ScoreboardQuery,
    ScoreboardSerializer,
    VoteSerializer,
)
from chatapp.api.views.endpoint import Endpoint
from chatapp.api.views.messages import SEND_ERRORS
from chatapp.chats.models import Session
from chatapp.compare import actions
from chatapp.compare.errors import (
    AlreadyVoted,
    NothingToResume,
    PaneGone,
    PaneUnknown,
    StillAnswering,
    StillBlind,
    TooFewPanes,
)
from chatapp.compare.models import Comparison, Pane
from chatapp.compare.panes import views_of
from chatapp.compare.scoreboard import ballots_of, standings
from runs.errors import BrokerUnavailable
from runs.session_feed import with_activity

COMPARE_ERRORS = [error for error in SEND_ERRORS if error is not BrokerUnavailable]  # displayed by the pane
RESUME_ERRORS = [AlreadyVoted, StillAnswering, NothingToResume, *COMPARE_ERRORS]


class ComparisonEndpoint(Endpoint):
    serializer_class = PanesSerializer

    def get_queryset(self) -> QuerySet[Comparison]:
        return Comparison.objects.visible_to(self.request.user).select_related("winner")

    def respond(self, pk, status: int = 200, **options) -> Response:
        """The current state of the comparison."""
        comparison = self.get_queryset().get(pk=pk)
        comparison.views = views_of(comparison)
        for view in comparison.views:
            view.pane.comparison = comparison
        return Response(PanesSerializer(comparison).data, status=status, **options)


class PaneEndpoint(ComparisonEndpoint):
    def get_queryset(self):
        return Pane.objects.visible_to(self.request.user).select_related("comparison", "session")

    def respond(self, pane: Pane, status: int = 200) -> Response:
        comparisons = Comparisons(request=self.request)
        return comparisons.respond(pane.comparison_id, status)


class Comparisons(ComparisonEndpoint):
    serializer_class = ComparisonSerializer
    throttle_scopes = {"POST": RUNS}

    @operation(
        "list_comparisons", "List comparisons, newest first", ComparisonSerializer, query=PageSerializer, is_list=True
    )
    def get(self, request: Request) -> Response:
        """Your own. Those that are blind name no model before the vote."""
        return self.list_response(request, self.get_queryset(), ["-id"], self.validated_query(request)["limit"])

    @operation(
        "create_comparison",
        "Send a prompt to several models",
        PanesSerializer,
        status=201,
        body=CompareSerializer,
        once=True,
        errors=COMPARE_ERRORS,
    )
    def post(self, request: Request) -> Response:
        """The answers stop if for `VIEWER_SECONDS` they are not followed and the comparison is not read."""
        self.serializer_class = CompareSerializer
        body = self.validated_body(request)

        def compare():
            options = {"is_blind": body["blind"], "is_sequential": body["order"] == "sequential"}
            return actions.compare(request.user, body["prompt"], body["contenders"], **options)

        sent = {name: request.data.get(name) for name in body}
        comparison = self.create_once(request, sent, compare)
        return self.respond(comparison.pk, 201, headers={"Location": reverse("api:comparison", args=[comparison.pk])})


class ComparisonDetail(ComparisonEndpoint):
    @operation("read_comparison", "Read a comparison with its answers so far", PanesSerializer)
    def get(self, request: Request, pk) -> Response:
        """A blind comparison hides the names. Each read keeps its answers going for `VIEWER_SECONDS`."""
        comparison = self.get_object()
        actions.renew_attached(comparison)
        return self.respond(comparison.pk)

    @operation("delete_comparison", "Delete a comparison and its answers", status=204)
    def delete(self, request: Request, pk) -> Response:
        """Sessions that continue panes are kept."""
        actions.delete(self.get_object(), by=request.user)
        return Response(status=204)


class StopAll(ComparisonEndpoint):
    @operation("stop_comparison", "Stop all answers, including those that have not started", PanesSerializer)
    def post(self, request: Request, pk) -> Response:
        """The text so far is kept."""
        comparison = self.get_object()
        actions.stop_all(comparison, by=request.user)
        return self.respond(comparison.pk)


class ResumeAll(ComparisonEndpoint):
    throttle_scopes = {"POST": RUNS}

    @operation(
        "resume_comparison",
        "Continue all answers that ended because their page or their worker was gone",
        PanesSerializer,
        status=202,
        errors=RESUME_ERRORS,
    )
    def post(self, request: Request, pk) -> Response:
        """Answers that were stopped on purpose are not continued."""
        comparison = self.get_object()
        actions.resume_all(comparison, by=request.user)
        return self.respond(comparison.pk, 202)


class Vote(ComparisonEndpoint):
    serializer_class = VoteSerializer

    @operation(
        "vote",
        "Vote for the winner, and reveal the names",
        PanesSerializer,
        body=VoteSerializer,
        errors=[AlreadyVoted, PaneUnknown, StillAnswering],
    )
    def post(self, request: Request, pk) -> Response:
        """A vote cannot be changed."""
        comparison, body = self.get_object(), self.validated_body(request)
        actions.vote(comparison, body["choice"])
        return self.respond(comparison.pk)


class Scoreboard(Endpoint):
    serializer_class = ScoreboardSerializer

    @operation("read_scoreboard", "Read how often each contender won", ScoreboardSerializer, query=ScoreboardQuery)
    def get(self, request: Request) -> Response:
        """Counts the votes that you have cast."""
        board = standings(ballots_of(request.user, blind_only=not self.validated_query(request)["all"]))
        return Response(self.get_serializer({"items": board}).data)


class StopPane(PaneEndpoint):
    @operation("stop_pane", "Stop one answer", PanesSerializer)
    def post(self, request: Request, pk) -> Response:
        """The text so far is kept. Other answers go on."""
        pane = self.get_object()
        actions.stop_pane(pane, by=request.user)
        return self.respond(pane)


class ClosePane(PaneEndpoint):
    @operation("close_pane", "Close a pane", PanesSerializer, errors=[TooFewPanes, AlreadyVoted])
    def post(self, request: Request, pk) -> Response:
        """Its answer is stopped if it is still being written."""
        pane = self.get_object()
        actions.close(pane, by=request.user)
        return self.respond(pane)


class RerollPane(PaneEndpoint):
    throttle_scopes = {"POST": RUNS}

    @operation(
        "reroll_pane",
        "Replace an answer with another one by the same contender",
        PanesSerializer,
        status=202,
        once=True,
        errors=[AlreadyVoted, StillAnswering, PaneGone, *COMPARE_ERRORS],
    )
    def post(self, request: Request, pk) -> Response:
        """Possible until you vote."""
        pane = self.get_object()

        def reroll():
            actions.reroll(pane, by=request.user)
            return pane

        return self.respond(self.create_once(request, None, reroll), 202)


class ResumePane(PaneEndpoint):
    throttle_scopes = {"POST": RUNS}

    @operation(
        "resume_pane",
        "Continue an answer that was stopped or interrupted",
        PanesSerializer,
        status=202,
        errors=RESUME_ERRORS,
    )
    def post(self, request: Request, pk) -> Response:
        """A new run adds to its text."""
        pane = self.get_object()
        actions.resume(pane, by=request.user)
        return self.respond(pane, 202)


class ContinueInSession(PaneEndpoint):
    serializer_class = SessionSerializer

    @operation("go_on_with_pane", "Continue an answer as a session", SessionSerializer, errors=[StillBlind, PaneGone])
    def post(self, request: Request, pk) -> Response:
        """An answer that is still being written continues without followers. Repeating returns the same session."""
        session = actions.continue_as_chat(self.get_object())
        return Response(self.get_serializer(with_activity(Session.objects.filter(pk=session.pk)).get()).data)
