"""Schedules: messages that are sent at set times. `chatapp.schedules.spec` decides what is valid, as for the pages."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.accounts.throttles import RUNS
from chatapp.api.operations import operation
from chatapp.api.serializers.chats import PageSerializer
from chatapp.api.serializers.schedules import (
    DEFAULTS,
    MINUTES_OF,
    OccurrenceSerializer,
    PreviewSerializer,
    RuleQuery,
    ScheduleChangeSerializer,
    ScheduleSerializer,
    rule_and_more,
)
from chatapp.api.views.endpoint import Endpoint
from chatapp.chats.models import Session
from chatapp.schedules import actions
from chatapp.schedules.errors import StillRunning, TooManySchedules
from chatapp.schedules.models import Occurrence, Schedule, Target
from chatapp.schedules.rules import next_times
from chatapp.schedules.spec import REQUIRED, RuleSpec, ScheduleSpec, rule_spec_of
from runs.errors import ModelUnknown, PromptEmpty, PromptTooLong
from runs.limits import check_prompt
from runs.models import Model

SHOWN_TIMES = 5
TIME_FORMATS = ["%H:%M:%S", "%H:%M", "%H:%M:%S.%f"]
MOMENT_FORMATS = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
SAVE_ERRORS = [PromptEmpty, PromptTooLong, ModelUnknown]


class ScheduleEndpoint(Endpoint):
    serializer_class = ScheduleSerializer

    def get_queryset(self):
        return Schedule.objects.visible_to(self.request.user)

    def respond(self, schedule: Schedule, status: int = 200) -> Response:
        schedule.refresh_from_db()
        headers = {"Location": reverse("api:schedule", args=[schedule.pk])} if status == 201 else {}
        return Response(ScheduleSerializer(schedule).data, status=status, headers=headers)


class Schedules(ScheduleEndpoint):
    @operation("list_schedules", "List schedules, newest first", ScheduleSerializer, query=PageSerializer, is_list=True)
    def get(self, request: Request) -> Response:
        """Your own, paused ones too."""
        return self.list_response(request, self.get_queryset(), ["-id"], self.validated_query(request)["limit"])

    @operation(
        "create_schedule",
        "Create a schedule",
        ScheduleSerializer,
        status=201,
        body=ScheduleSerializer,
        once=True,
        errors=[*SAVE_ERRORS, TooManySchedules],
    )
    def post(self, request: Request) -> Response:
        """Its first time is computed from now."""
        body = self.validated_body(request)
        schedule = self.create_once(
            request, body, lambda: _save_schedule(Schedule(owner=request.user), DEFAULTS | body)
        )
        return self.respond(schedule, 201)


class ScheduleDetail(ScheduleEndpoint):
    @operation("read_schedule", "Read a schedule", ScheduleSerializer)
    def get(self, request: Request, pk) -> Response:
        """Its results are a list of their own."""
        return self.respond(self.get_object())

    @operation(
        "change_schedule", "Change a schedule", ScheduleSerializer, body=ScheduleChangeSerializer, errors=SAVE_ERRORS
    )
    def patch(self, request: Request, pk) -> Response:
        """Missing fields are kept. The next time is computed from now."""
        schedule, body = self.get_object(), self.validated_body(request, partial=True)
        _save_schedule(schedule, rule_and_more(schedule) | body)
        return self.respond(self.get_object())

    @operation("delete_schedule", "Delete a schedule, and stop its active runs", status=204)
    def delete(self, request: Request, pk) -> Response:
        """Its sessions are kept."""
        actions.delete(self.get_object(), by=request.user)
        return Response(status=204)


class Preview(Endpoint):
    serializer_class = PreviewSerializer

    @operation("preview_schedule", "Preview a rule in words and times", PreviewSerializer, query=RuleQuery)
    def get(self, request: Request) -> Response:
        """Nothing is saved."""
        schedule = _checked_rule(self.validated_query(request)).apply_to(Schedule())
        times = next_times(schedule.rule, timezone.now(), SHOWN_TIMES)
        return Response(self.get_serializer({"words": schedule.rule_text, "zone": schedule.zone, "times": times}).data)


class RunNow(ScheduleEndpoint):
    serializer_class = OccurrenceSerializer
    throttle_scopes = {"POST": RUNS}

    @operation("run_schedule", "Run a schedule now", OccurrenceSerializer, status=202, once=True, errors=[StillRunning])
    def post(self, request: Request, pk) -> Response:
        """Its next time does not change."""
        schedule = self.get_object()

        def run_now():
            if (occurrence := actions.run_now(schedule)) is None:
                raise Http404
            return occurrence

        occurrences = Occurrence.objects.visible_to(request.user).select_related("run")
        return Response(self.get_serializer(self.create_once(request, None, run_now, occurrences)).data, status=202)


class Pause(ScheduleEndpoint):
    @operation("pause_schedule", "Pause a schedule", ScheduleSerializer)
    def post(self, request: Request, pk) -> Response:
        """Nothing starts until it is resumed. An answer in progress goes on."""
        schedule = self.get_object()
        actions.pause(schedule)
        return self.respond(schedule)


class Resume(ScheduleEndpoint):
    @operation("resume_schedule", "Resume a schedule with the next time from now", ScheduleSerializer)
    def post(self, request: Request, pk) -> Response:
        """Times that passed meanwhile are not made up for."""
        schedule = self.get_object()
        actions.resume(schedule)
        return self.respond(schedule)


class Duplicate(ScheduleEndpoint):
    @operation(
        "duplicate_schedule",
        "Copy a schedule; the copy is paused",
        ScheduleSerializer,
        status=201,
        once=True,
        errors=[TooManySchedules],
    )
    def post(self, request: Request, pk) -> Response:
        """Resume the copy to let it run."""
        schedule = self.get_object()
        return self.respond(self.create_once(request, None, lambda: actions.duplicate(schedule)), 201)


class Occurrences(ScheduleEndpoint):
    serializer_class = OccurrenceSerializer

    @operation(
        "list_occurrences",
        "List the results of a schedule, newest first",
        OccurrenceSerializer,
        query=PageSerializer,
        is_list=True,
    )
    def get(self, request: Request, pk) -> Response:
        """Each time that was due, whether it ran, was missed or was skipped."""
        occurrences = Occurrence.objects.filter(schedule=self.get_object()).select_related("run")
        return self.list_response(request, occurrences, ["-due_at"], self.validated_query(request)["limit"])


def _save_schedule(schedule: Schedule, values: dict) -> Schedule:
    """Raises ValidationError and the errors of `actions.save`."""
    check_prompt(values["prompt"])
    previous_starts = None if schedule._state.adding else rule_spec_of(schedule).starts
    spec = ScheduleSpec(
        rule=_checked_rule(values, previous_starts),
        name=values["name"].strip(),
        model=_model_of(values["model"], schedule.owner),
        session=_session_of(schedule.owner, values),
        **{name: values[name] for name in ("prompt", "target", "missed", "overlap", "notify")},
    )
    return actions.save(spec.apply_to(schedule))


def _model_of(name: str, owner: AbstractBaseUser) -> str:
    if name and not Model.objects.usable_by(owner).filter(name=name).exists():
        raise ValidationError({"model": ["Unknown model."]})
    return name


def _session_of(owner: AbstractBaseUser, values: dict) -> Session | None:
    if values["target"] != Target.SAME or not values.get("session"):
        return None
    session = Session.objects.visible_to(owner).filter(pk=values["session"]).first()
    if session is None:
        raise ValidationError({"session": ["Unknown session."]})
    return session


def _checked_rule(values: dict, previous_starts: datetime | None = None) -> RuleSpec:
    """The rule described by JSON or a query. Raises ValidationError."""
    kind = values["kind"]
    spec = RuleSpec(
        kind=kind,
        zone=values["zone"],
        at=moment.time() if (moment := _local(values, "at", TIME_FORMATS)) else None,
        weekdays=_weekdays(values),
        month_day=values.get("month_day"),
        every=values.get("every"),
        unit=MINUTES_OF[values.get("unit") or "hours"],
        starts=_local(values, "starts", MOMENT_FORMATS),
        cron=values.get("cron") or "",
    )
    if problems := spec.problems(previous_starts):
        raise ValidationError({name: [problem] for name, problem in problems.items()})
    return spec


def _local(values: dict, name: str, formats: Sequence[str]) -> datetime | None:
    """A local time or moment, if the kind of rule uses this field. Raises ValidationError."""
    text = (values.get(name) or "").strip()
    if not text or name not in REQUIRED[values["kind"]]:
        return None
    for pattern in formats:
        with suppress(ValueError):
            return datetime.strptime(text, pattern)
    raise ValidationError({name: [f"Enter a local time such as {datetime(2026, 12, 24, 8, 30):{formats[0]}}."]})


def _weekdays(values: dict) -> frozenset[int]:
    """From JSON as numbers, from a query as digits. Raises ValidationError."""
    if "weekdays" not in REQUIRED[values["kind"]]:
        return frozenset()
    days = [str(day) for day in values.get("weekdays") or ()]
    if not set(days) <= set("0123456"):
        raise ValidationError({"weekdays": ["Weekdays are 0 (Monday) to 6 (Sunday)."]})
    return frozenset(map(int, days))
