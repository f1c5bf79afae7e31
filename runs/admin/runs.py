"""The list of runs with its cards and charts, and the page of one run with its stream."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.contrib import admin
from django.db.models import Q
from django.forms.widgets import Script
from django.template.loader import render_to_string
from django.urls import path
from django.utils.html import format_html
from django.utils.timezone import localtime

from chatapp.chats.admin import ReadOnlyAdmin
from chatapp.chats.admin_lists import MAX_COUNTED, LongListAdmin, owners_named
from runs.admin import dashboard, live_tail
from runs.admin.actions import RETRY, STOP
from runs.admin.filters import FILTERS
from runs.models import Run
from runs.queries.costs import in_currency
from runs.queries.timeline import timeline
from runs.states import ACTIVE

WITHOUT_SIDEBAR = {"is_nav_sidebar_enabled": False}  # for lists of many columns
NOTHING = "-"  # as Django displays it in lists; on a page it would be None


def _moment(name: str) -> Callable[[Run], str]:
    """A column with a time of a run to the second; Django's format ends with the minute."""

    @admin.display(description=name.replace("_", " "), ordering=name)
    def show(run: Run) -> str:
        at = getattr(run, name)
        return f"{localtime(at):%Y-%m-%d %H:%M:%S}" if at else NOTHING

    show.__name__ = name
    return show


MOMENTS = [_moment(name) for name in ("queued_at", "started_at", "first_token_at", "finished_at")]
QUEUED_AT = MOMENTS[0]
DURATIONS = ["waited", "to_first_token", "took"]
COUNTS = ["prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "tokens_per_second", "price"]
SPEED = ["tokens", "tokens_per_second"]
SUBJECT = ["owner", "session", "model", "trigger"]


class LinkedOnly(admin.RelatedFieldListFilter):
    """A filter that other pages link to. Its choices, all workers there have been, are not listed."""

    template = "admin/runs/run/linked_filter.html"

    def field_choices(self, field, request, model_admin):
        return []

    def has_output(self):
        return self.lookup_val is not None


@admin.register(Run)
class RunAdmin(LongListAdmin, ReadOnlyAdmin):
    list_display = ["short_id", QUEUED_AT, "state", *DURATIONS, *SPEED, *SUBJECT, "worker", "attempt"]
    list_filter = [*FILTERS, "status", "trigger", "queued_at", "model", ("worker", LinkedOnly)]
    list_select_related = ["session__owner", "model", "worker", "stop_requested_by"]
    ordering = ["-queued_at"]  # the index run_newest_first
    search_fields = ["session__owner__username"]
    search_help_text = f"Id of a run, task, session or message; or a username. Up to {MAX_COUNTED:,} are counted."
    sortable_by = ["short_id", "queued_at"]
    not_listed = ["error", "trace"]
    actions = ["stop", "retry"]
    change_list_template = "admin/runs/run/list.html"
    change_form_template = "admin/runs/run/page.html"

    class Media:
        css = {"all": ["runs/admin.css"]}
        js = [Script("runs/live_tail.js", type="module")]

    fieldsets = [
        (None, {"fields": ["id", "status", "reason", "owner", "session", "message", "model", "trigger"]}),
        ("Times", {"fields": [*MOMENTS, *DURATIONS]}),
        ("Stop", {"fields": [_moment("stop_requested_at"), "stop_requested_by", "stop_reason"]}),
        ("Error", {"fields": ["code", "error", "retryable", "formatted_trace"]}),
        ("Work", {"fields": ["worker", "task_id", "attempt", "messages_not_sent", "finish_reason", *COUNTS]}),
        ("Stream", {"fields": ["last_seq", "log_kept", "events"]}),
    ]  # fmt: skip

    def get_queryset(self, request):
        return super().get_queryset(request).select_related(*self.list_select_related)

    def has_stop_permission(self, request):
        return request.user.has_perm("runs.change_run")

    def get_search_results(self, request, queryset, search_term):
        """Look up an id by its index; search usernames only for a term that is not an id."""
        term = search_term.strip()
        try:
            pk = UUID(term)
        except ValueError:
            if owners := owners_named(term):
                return queryset.filter(session__owner__in=owners), False
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(Q(pk=pk) | Q(task_id=pk) | Q(session_id=pk) | Q(message_id=pk)), False

    @admin.action(description=STOP.label, permissions=["stop"])
    def stop(self, request, queryset):
        return STOP(self, request, queryset)

    @admin.action(description=RETRY.label, permissions=["stop"])
    def retry(self, request, queryset):
        return RETRY(self, request, queryset)

    def changelist_view(self, request, extra_context=None):
        context = {"dashboard": dashboard.overview(), "title": "Runs", **WITHOUT_SIDEBAR}
        return super().changelist_view(request, context | (extra_context or {}))

    def get_fieldsets(self, request, obj=None):
        """Without empty sections."""
        left_out = set()
        if obj and obj.stop_requested_at is None:
            left_out.add("Stop")
        if obj and not (obj.code or obj.error or obj.trace):
            left_out.add("Error")
        return [each for each in super().get_fieldsets(request, obj) if each[0] not in left_out]

    def get_urls(self):
        return [path("<uuid:pk>/events", live_tail.events, name="runs_run_events"), *super().get_urls()]

    @admin.display(description="status", ordering="status")
    def state(self, run: Run) -> str:
        """The status, with the error code, or with who requested a Stop, before and after the run has ended."""
        if run.stop_requested_at is None:
            return f"{run.get_status_display()} ({run.code})" if run.code else run.get_status_display()
        by = run.stop_requested_by.get_username() if run.stop_requested_by else run.get_stop_reason_display().lower()
        return f"{run.get_status_display() if run.is_final else 'Stopping'} (by {by})"

    @admin.display(description="tokens", ordering="completion_tokens")
    def tokens(self, run: Run) -> int | None:
        return run.completion_tokens

    @admin.display(description="tokens/s")
    def tokens_per_second(self, run: Run) -> str:
        speed = run.tokens_per_second()
        return NOTHING if speed is None else f"{speed:.1f}"

    @admin.display(description="cost", ordering="cost")
    def price(self, run: Run) -> str:
        return NOTHING if run.cost is None else in_currency(run.cost)

    @admin.display(description="run", ordering="id")
    def short_id(self, run: Run) -> str:
        """The random end of the id; its beginning is the time, which neighbours in the list share."""
        return str(run.pk)[-12:]

    @admin.display(description="owner", ordering="session__owner__username")
    def owner(self, run: Run) -> str:
        return run.session.owner.get_username()

    @admin.display(description="waited")
    def waited(self, run: Run) -> str:
        return _seconds(run.queued_at, run.started_at)

    @admin.display(description="first token")
    def to_first_token(self, run: Run) -> str:
        return _seconds(run.started_at, run.first_token_at)

    @admin.display(description="took")
    def took(self, run: Run) -> str:
        return _seconds(run.started_at, run.finished_at)

    @admin.display(description="earlier messages not sent")
    def messages_not_sent(self, run: Run) -> int:
        return run.left_out

    @admin.display(description="trace")
    def formatted_trace(self, run: Run) -> str:
        return format_html("<pre>{}</pre>", run.trace) if run.trace else NOTHING

    @admin.display(description="events")
    def events(self, run: Run) -> str:
        """The stream's timeline, followed live. An attached run is not followed, see `live_tail`."""
        lines = timeline(run.pk)
        goes_on = run.status in ACTIVE and run.viewer_until is None
        context = {"lines": lines, "run": run, "goes_on": goes_on, "is_active": run.status in ACTIVE}
        return render_to_string("admin/runs/run/timeline.html", context | {"last": lines[-1].last if lines else 0})


def _seconds(begin: datetime | None, end: datetime | None) -> str:
    return f"{(end - begin).total_seconds():.2f} s" if begin and end else NOTHING
