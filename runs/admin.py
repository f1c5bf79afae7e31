"""The admin's view of runs (read-only, with Stop) and of the models there are to choose from."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.timezone import localtime

from chatapp.chats.admin import ReadOnlyAdmin
from runs import catalog
from runs.lifecycle import request_stop
from runs.models import Model, Provider, Run
from runs.timeline import timeline

STOP_OUTCOMES = {"stopped": "stopped", "stopping": "being stopped", "already_final": "had ended before"}


def _moment(name: str) -> Callable[[Run], str | None]:
    """A time of a run to the second; Django's own format ends with the minute."""

    @admin.display(description=name.replace("_", " "), ordering=name)
    def show(run: Run) -> str | None:
        at = getattr(run, name)
        return f"{localtime(at):%Y-%m-%d %H:%M:%S}" if at else None

    show.__name__ = name
    return show


MOMENTS = [_moment(name) for name in ("queued_at", "started_at", "first_token_at", "finished_at")]
QUEUED_AT = MOMENTS[0]
DURATIONS = ["waited", "to_first_token", "took"]


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ["short_id", QUEUED_AT, "status", "owner", "session", "model", "trigger", *DURATIONS]
    list_filter = ["status", "model", "trigger", "queued_at"]
    list_select_related = ["session__owner", "model"]
    ordering = ["-queued_at"]  # the index run_newest_first
    search_fields = ["session__owner__username"]
    search_help_text = "Id of a run, task or session; or a username"
    show_full_result_count = False  # a count of the whole table for a number nobody needs
    actions = ["stop"]
    fieldsets = [
        (None, {"fields": ["id", "status", "reason", "owner", "session", "message", "model", "trigger"]}),
        ("Times", {"fields": [*MOMENTS, *DURATIONS]}),
        ("Stop", {"fields": [_moment("stop_requested_at"), "stop_requested_by"]}),
        ("Error", {"fields": ["code", "error", "retryable", "trace_as_it_is"]}),
        ("Work", {"fields": ["worker", "task_id", "attempt", "finish_reason", "prompt_tokens", "completion_tokens"]}),
        ("Stream", {"fields": ["last_seq", "events"]}),
    ]  # fmt: skip

    def get_queryset(self, request):
        related = ["session__owner", "message", "model", "worker", "stop_requested_by"]
        return super().get_queryset(request).select_related(*related)

    def has_stop_permission(self, request):
        return request.user.has_perm("runs.change_run")

    def get_search_results(self, request, queryset, search_term):
        """An id is looked up by its index; only what is no id is searched for among the usernames."""
        try:
            wanted = UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(Q(pk=wanted) | Q(task_id=wanted) | Q(session_id=wanted) | Q(message_id=wanted)), False

    @admin.action(description="Stop (queued, running)", permissions=["stop"])
    def stop(self, request, queryset):
        chosen = queryset.count()  # before: a run that is stopped may no longer match the list's filter
        outcomes = Counter(request_stop(run, by=request.user) for run in queryset.active())
        outcomes["already_final"] += chosen - outcomes.total()
        told = [f"{outcomes[outcome]} {words}" for outcome, words in STOP_OUTCOMES.items() if outcomes[outcome]]
        self.message_user(request, f"Runs: {', '.join(told)}.", messages.SUCCESS)

    @admin.display(description="run", ordering="id")
    def short_id(self, run: Run) -> str:
        """The random end of the id; its beginning is the time, which neighbours in the list share."""
        return str(run.pk)[-12:]

    @admin.display(description="owner", ordering="session__owner__username")
    def owner(self, run: Run) -> str:
        return run.session.owner.get_username()

    @admin.display(description="waited")
    def waited(self, run: Run) -> str | None:
        return _seconds(run.queued_at, run.started_at)

    @admin.display(description="to first token")
    def to_first_token(self, run: Run) -> str | None:
        return _seconds(run.started_at, run.first_token_at)

    @admin.display(description="took")
    def took(self, run: Run) -> str | None:
        return _seconds(run.started_at, run.finished_at)

    @admin.display(description="trace")
    def trace_as_it_is(self, run: Run) -> str | None:
        return format_html("<pre>{}</pre>", run.trace) if run.trace else None

    @admin.display(description="events")
    def events(self, run: Run) -> str:
        return render_to_string("admin/runs/run/timeline.html", {"lines": timeline(run.pk)})


def _seconds(begin: datetime | None, end: datetime | None) -> str | None:
    return f"{(end - begin).total_seconds():.2f} s" if begin and end else None


@admin.register(Provider)
class ProviderAdmin(admin.ModelAdmin):
    list_display = ["name", "base_url", "key_env", "has_its_key"]
    search_fields = ["name", "base_url"]

    @admin.display(description="key set here", boolean=True)
    def has_its_key(self, provider: Provider) -> bool | None:
        """Whether this process sees the key; None where none is needed. The workers may see another environment."""
        return None if provider.key is None else bool(provider.key)


@admin.register(Model)
class ModelAdmin(admin.ModelAdmin):
    list_display = ["label", "name", "provider", "upstream_id", "enabled", "is_default"]
    list_filter = ["provider", "enabled"]
    list_select_related = ["provider"]
    search_fields = ["name", "label", "upstream_id"]
    readonly_fields = ["is_default"]  # there is one at most: choosing another is one step, see the action
    actions = ["make_default"]

    @admin.action(description="Make this model the default one", permissions=["change"])
    def make_default(self, request, queryset):
        if queryset.count() != 1:
            self.message_user(request, "Choose exactly one model.", messages.ERROR)
            return
        model = queryset.get()
        catalog.make_default(model)
        self.message_user(request, f"{model} is the default model now.", messages.SUCCESS)
