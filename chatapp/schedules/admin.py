"""The admin's view of schedules: read-only, with their next times. Only owners change them."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from chatapp.chats.admin import ReadOnlyAdmin
from chatapp.schedules.models import Occurrence, Schedule
from chatapp.schedules.rules import next_times

NEXT_TIMES = 5


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ["name", "owner", "rule_text", "zone", "next_at", "paused", "failures", "model"]
    list_filter = ["paused", "kind", "next_at"]
    list_select_related = ["owner"]
    ordering = ["-id"]
    search_fields = ["=id", "name", "owner__username"]
    fields = [
        "id", "owner", "name", "prompt", "model", "target", "session", "rule_text", "zone", "next_times",
        "missed", "overlap", "notify", "paused", "failures", "created_at", "history",
    ]  # fmt: skip

    @admin.display(description="rule")
    def rule_text(self, schedule: Schedule) -> str:
        return schedule.rule_text

    @admin.display(description="next times")
    def next_times(self, schedule: Schedule) -> str:
        """The next times in the schedule's zone; empty if it is paused."""
        if schedule.paused or schedule.next_at is None or not schedule.is_zone_known:
            return "–"
        times = [schedule.next_at, *next_times(schedule.rule, schedule.next_at, NEXT_TIMES - 1)]
        local = [(f"{due.astimezone(schedule.zone_info):%Y-%m-%d %H:%M %Z}",) for due in times]
        return format_html_join("", "<div>{}</div>", local)

    @admin.display(description="history")
    def history(self, schedule: Schedule) -> str:
        path = reverse("admin:schedules_occurrence_changelist", query={"schedule__id__exact": schedule.pk})
        return format_html('<a href="{}">show</a>', path)


@admin.register(Occurrence)
class OccurrenceAdmin(ReadOnlyAdmin):
    """Each row links to its run. A run's page links back to the list of its occurrences, of which there is one."""

    list_display = ["due_at", "its_schedule", "state", "is_by_hand", "missed_before", "code", "its_run", "claimed_at"]
    list_filter = ["state", "is_by_hand", "due_at"]
    list_select_related = ["schedule", "run"]
    ordering = ["-due_at"]
    search_fields = ["=id", "=schedule__id", "schedule__name", "=run__id"]
    fields = [
        "id", "schedule", "due_at", "claimed_at", "finished_at", "is_by_hand", "state", "run", "missed_before", "code",
        "error",
    ]  # fmt: skip

    @admin.display(description="schedule", ordering="schedule__name")
    def its_schedule(self, occurrence: Occurrence) -> str:
        path = reverse("admin:schedules_schedule_change", args=[occurrence.schedule_id])
        return format_html('<a href="{}">{}</a>', path, occurrence.schedule)

    @admin.display(description="run", ordering="run")
    def its_run(self, occurrence: Occurrence) -> str | None:
        if occurrence.run is None:
            return None
        path = reverse("admin:runs_run_change", args=[occurrence.run_id])
        return format_html('<a href="{}">{}</a>', path, occurrence.run.get_status_display())
