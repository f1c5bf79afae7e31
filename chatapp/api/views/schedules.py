"""Schedules: questions that are asked by themselves. What makes sense is decided by the form that pages use."""

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
    UNIT_OF,
    OccurrenceSerializer,
    PreviewSerializer,
    RuleAsked,
    ScheduleChangeSerializer,
    ScheduleSerializer,
    rule_and_more,
)
from chatapp.api.views.endpoint import Endpoint
from chatapp.schedules import actions
from chatapp.schedules.errors import StillRunning, TooManySchedules
from chatapp.schedules.forms import RuleForm, ScheduleForm, initial_of
from chatapp.schedules.models import Missed, Notify, Occurrence, Overlap, Schedule, Target
from chatapp.schedules.rules import next_times
from runs.errors import ModelUnknown, PromptEmpty, PromptTooLong
from runs.limits import check_prompt

SHOWN_TIMES = 5
DEFAULTS = {"model": "", "target": Target.NEW, "missed": Missed.RUN, "overlap": Overlap.SKIP, "notify": Notify.ALL}
OF_KEEPING = [PromptEmpty, PromptTooLong, ModelUnknown]


class OfSchedule(Endpoint):
    serializer_class = ScheduleSerializer

    def get_queryset(self):
        return Schedule.objects.visible_to(self.request.user)

    def shown(self, schedule: Schedule, status: int = 200) -> Response:
        schedule.refresh_from_db()
        headers = {"Location": reverse("api:schedule", args=[schedule.pk])} if status == 201 else {}
        return Response(ScheduleSerializer(schedule).data, status=status, headers=headers)


class Schedules(OfSchedule):
    asked_class = PageSerializer

    @operation(
        "list_schedules", "The schedules, the newest first", ScheduleSerializer, asks=PageSerializer, is_list=True
    )
    def get(self, request: Request) -> Response:
        return self.listed(request, self.get_queryset(), ["-id"], self.asked(request)["limit"])

    @operation(
        "create_schedule",
        "Make a schedule",
        ScheduleSerializer,
        status=201,
        takes=ScheduleSerializer,
        once=True,
        errors=[*OF_KEEPING, TooManySchedules],
    )
    def post(self, request: Request) -> Response:
        taken = self.taken(request)
        schedule = self.once(request, taken, lambda: _keep(Schedule(owner=request.user), DEFAULTS | taken))
        return self.shown(schedule, 201)


class ScheduleDetail(OfSchedule):
    @operation("read_schedule", "Read a schedule", ScheduleSerializer)
    def get(self, request: Request, pk) -> Response:
        return self.shown(self.get_object())

    @operation("change_schedule", "Change it", ScheduleSerializer, takes=ScheduleChangeSerializer, errors=OF_KEEPING)
    def patch(self, request: Request, pk) -> Response:
        """What is not named stays. It is due next by its rule from now on."""
        schedule, taken = self.get_object(), self.taken(request, partial=True)
        _keep(schedule, rule_and_more(schedule) | taken)
        return self.shown(self.get_object())

    @operation("delete_schedule", "Delete a schedule, and stop what it has on its way", status=204)
    def delete(self, request: Request, pk) -> Response:
        """Its sessions stay."""
        actions.delete(self.get_object(), by=request.user)
        return Response(status=204)


class Preview(Endpoint):
    serializer_class = PreviewSerializer
    asked_class = RuleAsked

    @operation("preview_schedule", "What a rule means, in words and times", PreviewSerializer, asks=RuleAsked)
    def get(self, request: Request) -> Response:
        form = RuleForm(_posted(self.asked(request)))
        schedule = _checked(form).put_into(Schedule())
        times = next_times(schedule.rule, timezone.now(), SHOWN_TIMES)
        return Response(self.get_serializer({"words": schedule.words, "zone": schedule.zone, "times": times}).data)


class RunNow(OfSchedule):
    serializer_class = OccurrenceSerializer
    throttle_scopes = {"POST": RUNS}

    @operation("run_schedule", "Ask now", OccurrenceSerializer, status=202, once=True, errors=[StillRunning])
    def post(self, request: Request, pk) -> Response:
        """When it is due next does not change."""
        schedule = self.get_object()

        def run_now():
            if (occurrence := actions.run_now(schedule)) is None:
                raise Http404
            return occurrence

        occurrences = Occurrence.objects.visible_to(request.user).select_related("run")
        return Response(self.get_serializer(self.once(request, None, run_now, occurrences)).data, status=202)


class Pause(OfSchedule):
    @operation("pause_schedule", "Let nothing start by itself any more", ScheduleSerializer)
    def post(self, request: Request, pk) -> Response:
        schedule = self.get_object()
        actions.pause(schedule)
        return self.shown(schedule)


class Resume(OfSchedule):
    @operation("resume_schedule", "Go on with the next time from now", ScheduleSerializer)
    def post(self, request: Request, pk) -> Response:
        schedule = self.get_object()
        actions.resume(schedule)
        return self.shown(schedule)


class Duplicate(OfSchedule):
    @operation(
        "duplicate_schedule",
        "Make a copy, paused",
        ScheduleSerializer,
        status=201,
        once=True,
        errors=[TooManySchedules],
    )
    def post(self, request: Request, pk) -> Response:
        schedule = self.get_object()
        return self.shown(self.once(request, None, lambda: actions.duplicate(schedule)), 201)


class Occurrences(OfSchedule):
    serializer_class = OccurrenceSerializer
    asked_class = PageSerializer

    @operation(
        "list_occurrences",
        "What became of each time, the newest first",
        OccurrenceSerializer,
        asks=PageSerializer,
        is_list=True,
    )
    def get(self, request: Request, pk) -> Response:
        found = Occurrence.objects.filter(schedule=self.get_object()).select_related("run")
        return self.listed(request, found, ["-due_at"], self.asked(request)["limit"])


def _keep(schedule: Schedule, values: dict) -> Schedule:
    """Raises ValidationError, and what `actions.keep` raises."""
    check_prompt(values["prompt"])
    initial = {} if schedule._state.adding else initial_of(schedule)
    is_chosen = values["target"] == Target.SAME and values.get("session")
    target = str(values["session"]) if is_chosen else values["target"]
    form = ScheduleForm(
        _posted(values) | {"target": target}, owner=schedule.owner, initial=initial | {"target": target}
    )
    return actions.keep(_checked(form).put_into(schedule))


def _posted(values: dict) -> dict:
    """Values as the form would post them."""
    posted = {name: "" if value is None else value for name, value in values.items()}
    posted["unit"] = UNIT_OF[values.get("unit") or "hours"]
    posted["weekdays"] = sorted({str(day) for day in values.get("weekdays") or ()})
    return posted


def _checked(form: RuleForm) -> RuleForm:
    if form.is_valid():
        return form
    named = {"target": "session"}
    raise ValidationError({named.get(name, name): list(errors) for name, errors in form.errors.items()})
