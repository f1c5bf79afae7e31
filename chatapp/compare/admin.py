"""The admin's view of comparisons: read-only. It reveals the models, even of blind comparisons."""

from django.contrib import admin

from chatapp.chats.admin import ReadOnlyAdmin
from chatapp.compare.models import Comparison, Pane


class PaneInline(admin.TabularInline):
    model = Pane
    fields = readonly_fields = ["letter", "contender", "session", "run", "closed_at"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request, obj=None):
        return False


@admin.register(Comparison)
class ComparisonAdmin(ReadOnlyAdmin):
    list_display = ["id", "owner", "created_at", "is_blind", "is_sequential", "voted_at"]
    list_filter = ["is_blind", "voted_at", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["=id", "owner__username"]
    fields = ["id", "owner", "prompt", "is_blind", "is_sequential", "created_at", "voted_at", "winner"]
    inlines = [PaneInline]
