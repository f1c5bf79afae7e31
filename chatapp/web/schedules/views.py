"""The pages of schedules. All work without JavaScript; with it, the form previews its rule as it changes."""

from dataclasses import dataclass, field
from datetime import datetime

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from chatapp.schedules import actions
from chatapp.schedules.models import Occurrence, Schedule
from chatapp.schedules.rules import next_times
from chatapp.web.schedules.forms import (
    PRESETS,
    RuleForm,
    ScheduleForm,
    initial_of,
    initial_of_preset,
    initial_with_preset,
    offered_zones,
)
from chatapp.web.shell.decorators import post_only, private, private_object
from runs.errors import ModelMissing, RunError
from runs.models import Model

PAGE_OCCURRENCES = 50
SHOWN_TIMES = 5
BAD_FORM = 422


@dataclass
class ScheduleRow:
    schedule: Schedule
    last: Occurrence | None


@dataclass
class Preview:
    """A rule in words, and its next times, which templates display in its own zone.

    Without times if the zone is no longer known.
    """

    rule_text: str = ""
    times: list[datetime] = field(default_factory=list)
    zone: str = ""
    errors: list[str] = field(default_factory=list)


def preview_of(schedule: Schedule) -> Preview:
    times = next_times(schedule.rule, timezone.now(), SHOWN_TIMES) if schedule.is_zone_known else []
    return Preview(schedule.rule_text, times, schedule.zone)


def _preview_of_form(form: RuleForm) -> Preview:
    """From the rule's fields alone, whether or not the rest of the form is filled in."""
    rule = RuleForm(form.data if form.is_bound else form.initial_data)
    if rule.is_valid():
        return preview_of(rule.rule_spec().apply_to(Schedule()))
    return Preview(errors=[f"{rule[name].label}: {error[0]}" for name, error in rule.errors.items()])


@require_GET
@private
def list_schedules(request: HttpRequest) -> HttpResponse:
    """The user's schedules, each with its last occurrence."""
    newest = Occurrence.objects.filter(schedule=OuterRef("pk")).order_by("-due_at").values("pk")[:1]
    schedules = list(Schedule.objects.visible_to(request.user).annotate(last_id=Subquery(newest)))
    last_ids = [schedule.last_id for schedule in schedules if schedule.last_id]
    last = Occurrence.objects.select_related("run__session").in_bulk(last_ids)
    rows = [ScheduleRow(schedule, last.get(schedule.last_id)) for schedule in schedules]
    return render(request, "schedules/list.html", {"rows": rows, "presets": _presets()})


def _presets() -> list[tuple[str, str]]:
    return [(name, label) for name, (label, _) in PRESETS.items()]


@require_http_methods(["GET", "POST"])
@private
def create_schedule(request: HttpRequest) -> HttpResponse:
    """GET displays the form, filled in from `?preset=`; POST creates one, previews its rule or takes a preset."""
    schedule = Schedule(owner=request.user)
    if request.method == "GET":
        form = ScheduleForm(owner=request.user, initial=initial_of_preset(request.GET.get("preset", "")))
        return _editor(request, form, schedule)
    if "preset" in request.POST:
        form = ScheduleForm(owner=request.user, initial=initial_with_preset(request.POST))
        return _editor(request, form, schedule, has_preset=True)
    return _save(request, ScheduleForm(request.POST, owner=request.user), schedule)


@require_http_methods(["GET", "POST"])
@private_object(Schedule.objects.visible_to)
def edit_schedule(request: HttpRequest, schedule: Schedule) -> HttpResponse:
    form = ScheduleForm(
        request.POST if request.method == "POST" else None, owner=request.user, initial=initial_of(schedule)
    )
    return _save(request, form, schedule) if form.is_bound else _editor(request, form, schedule)


def _save(request: HttpRequest, form: ScheduleForm, schedule: Schedule) -> HttpResponse:
    if "preview" in request.POST:
        return _editor(request, form, schedule)
    if not form.is_valid():
        return _editor(request, form, schedule, status=BAD_FORM)
    try:
        kept = actions.save(form.spec().apply_to(schedule))
    except RunError as error:
        form.add_error(None, error.message)
        return _editor(request, form, schedule, status=BAD_FORM)
    return redirect("schedule", kept.pk)


def _editor(
    request: HttpRequest, form: ScheduleForm, schedule: Schedule, status: int = 200, has_preset: bool = False
) -> HttpResponse:
    missing = None if Model.objects.for_chats_of(request.user).exists() else ModelMissing()
    context = {
        "form": form,
        "schedule": schedule,
        "is_new": schedule._state.adding,
        "preview": _preview_of_form(form),
        "presets": _presets(),
        "zones": offered_zones(),
        "missing": missing,
        "has_preset": has_preset,
    }
    return render(request, "schedules/editor.html", context, status=status)


@require_GET
@private
def preview_schedule(request: HttpRequest) -> HttpResponse:
    """For the form's script."""
    return render(request, "schedules/preview.html", {"preview": _preview_of_form(RuleForm(request.GET))})


@require_GET
@private_object(Schedule.objects.visible_to)
def show_schedule(request: HttpRequest, schedule: Schedule) -> HttpResponse:
    return _page(request, schedule)


def _page(request: HttpRequest, schedule: Schedule, error: RunError | None = None, status: int = 200) -> HttpResponse:
    """One schedule: its next times and its history."""
    history = Occurrence.objects.filter(schedule=schedule).select_related("run__session")
    page = Paginator(history, PAGE_OCCURRENCES).get_page(request.GET.get("page"))
    context = {"schedule": schedule, "page": page, "preview": preview_of(schedule), "error": error}
    return render(request, "schedules/schedule.html", context, status=status)


@post_only
@private_object(Schedule.objects.visible_to)
def run_schedule_now(request: HttpRequest, schedule: Schedule) -> HttpResponse:
    """Run it now and go to the chat, where the answer is being written."""
    try:
        occurrence = actions.run_now(schedule)
    except RunError as error:
        return _page(request, schedule, error, status=409)
    if occurrence is None or occurrence.run is None:
        return redirect("schedule", schedule.pk)
    return redirect("session", occurrence.run.session_id)


@post_only
@private_object(Schedule.objects.visible_to)
def pause_schedule(request: HttpRequest, schedule: Schedule) -> HttpResponse:
    actions.pause(schedule)
    return _redirect_back(request, schedule)


@post_only
@private_object(Schedule.objects.visible_to)
def resume_schedule(request: HttpRequest, schedule: Schedule) -> HttpResponse:
    try:
        actions.resume(schedule)
    except RunError as error:
        return _page(request, schedule, error, status=409)
    return _redirect_back(request, schedule)


def _redirect_back(request: HttpRequest, schedule: Schedule) -> HttpResponse:
    """Redirect to the page with the switch."""
    return redirect("schedules") if request.POST.get("on") == "list" else redirect("schedule", schedule.pk)


@post_only
@private_object(Schedule.objects.visible_to)
def duplicate_schedule(request: HttpRequest, schedule: Schedule) -> HttpResponse:
    """Create a paused copy and open it for editing."""
    try:
        copy = actions.duplicate(schedule)
    except RunError as error:
        return _page(request, schedule, error, status=BAD_FORM)
    messages.info(request, "This copy is paused. Edit and save it, then resume it.")
    return redirect("edit_schedule", copy.pk)


@require_http_methods(["GET", "POST"])
@private_object(Schedule.objects.visible_to)
def delete_schedule(request: HttpRequest, schedule: Schedule) -> HttpResponse:
    """GET asks for confirmation."""
    if request.method == "GET":
        return render(request, "schedules/delete.html", {"schedule": schedule})
    actions.delete(schedule, by=request.user)
    return redirect("schedules")
