"""The workers page: which are alive, how many runs each executes, which versions they run."""

from django.contrib import admin
from django.db.models import BooleanField, Count, ExpressionWrapper, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Now
from django.urls import reverse
from django.utils.html import format_html

from chatapp.chats.admin import ReadOnlyAdmin
from runs.models import Report, Run, Worker
from runs.states import Status

LEASE = ["started_at", "lease_until"]


class AliveFilter(admin.SimpleListFilter):
    title, parameter_name = "Alive?", "alive"
    template = "admin/runs/run/filter.html"

    def lookups(self, request, model_admin):
        return [("yes", "yes"), ("no", "no")]

    def queryset(self, request, queryset):
        match self.value():
            case "yes":
                return queryset.filter(lease_until__gte=Now())
            case "no":
                return queryset.filter(lease_until__lt=Now())
        return queryset


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    """One row per process: each child of a prefork worker has its own."""

    list_display = ["name", "pid", "pool", "is_alive", "carries", "written", "serves", "versions", *LEASE]
    show_facets = admin.ShowFacets.NEVER
    list_filter = [AliveFilter, "pool"]
    search_fields = ["=id", "name"]
    ordering = ["-lease_until"]
    fields = ["id", "name", "pid", "pool", "is_alive", "carries", "written", "serves", "versions", *LEASE]

    class Media:
        css = {"all": ["runs/admin.css"]}

    def changelist_view(self, request, extra_context=None):
        context = {"title": "Workers", "is_nav_sidebar_enabled": False}
        return super().changelist_view(request, context | (extra_context or {}))

    @admin.display(description="queues")
    def serves(self, worker: Worker) -> str:
        return ", ".join(worker.queues) or "-"

    def get_queryset(self, request):
        """Count running runs only: they are few, and have an index of their own."""
        running = Run.objects.filter(worker=OuterRef("pk"), status=Status.RUNNING).order_by().values("worker")
        count = Subquery(running.annotate(count=Count("*")).values("count"), output_field=IntegerField())
        is_alive = ExpressionWrapper(Q(lease_until__gte=Now()), output_field=BooleanField())
        return super().get_queryset(request).annotate(running=Coalesce(count, 0), alive=is_alive)

    @admin.display(description="alive", boolean=True)
    def is_alive(self, worker: Worker) -> bool:
        return worker.alive

    @admin.display(description="carries", ordering="running")
    def carries(self, worker: Worker) -> str:
        path = reverse("admin:runs_run_changelist", query={"worker__id__exact": worker.pk, "status__exact": "running"})
        return format_html('<a href="{}">{} run{}</a>', path, worker.running, "" if worker.running == 1 else "s")

    @admin.display(description="written")
    def written(self, worker: Worker) -> str | None:
        """As of the last renewal of its lease."""
        figures = worker.figures
        if not figures.get("batches"):
            return None
        commit = figures["commit_seconds"] / figures["batches"] * 1000
        return f"{figures['events']:,} events; {figures['batches']:,} commits of {commit:.1f} ms"


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    """Periodic jobs: when each last ran, and what it found."""

    list_display = ["name", "at", "data"]
