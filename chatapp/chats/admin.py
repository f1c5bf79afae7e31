"""Admin for sessions and messages: read-only, because a conversation is a record."""

from uuid import UUID

from django.contrib import admin
from django.db.models import Q
from django.db.models.functions import Left
from django.urls import reverse
from django.utils.html import format_html

from chatapp.chats.admin_lists import LongListAdmin, owners_named
from chatapp.chats.models import Attachment, Message, Session

EXCERPT_CHARACTERS = 80


class ReadOnlyAdmin(admin.ModelAdmin):
    show_full_result_count = False  # would count the whole table

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Session)
class SessionAdmin(LongListAdmin, ReadOnlyAdmin):
    list_display = ["__str__", "owner", "model", "created_at", "active_at"]
    list_filter = ["active_at"]
    list_select_related = ["owner"]
    ordering = ["-id"]  # UUIDv7: the newest first
    sortable_by = []
    search_fields = ["title"]
    search_help_text = "Id of a session, or part of its title or of a username."
    fields = ["id", "owner", "title", "model", "created_at", "active_at", "messages", "runs"]

    def get_search_results(self, request, queryset, search_term):
        if pk := _as_id(search_term):
            return queryset.filter(pk=pk), False
        term = search_term.strip()
        return queryset.filter(Q(title__icontains=term) | Q(owner__in=owners_named(term))), False

    @admin.display(description="messages")
    def messages(self, session: Session) -> str:
        return _link("admin:chats_message_changelist", session)

    @admin.display(description="runs")
    def runs(self, session: Session) -> str:
        return _link("admin:runs_run_changelist", session)


class AttachmentInline(admin.TabularInline):
    model = Attachment
    fields = readonly_fields = ["name", "media_type", "size", "text"]
    can_delete = False

    def has_view_permission(self, request, obj=None):
        return True  # permission to view a message includes its files

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(Message)
class MessageAdmin(LongListAdmin, ReadOnlyAdmin):
    list_display = ["id", "session", "role", "state", "excerpt", "created_at"]
    list_filter = ["role", "state", "created_at"]
    list_select_related = ["session"]
    ordering = ["-id"]
    sortable_by = ["id"]
    search_fields = ["session__owner__username"]
    search_help_text = "Id of a message or session, or part of a username."
    not_listed = ["content", "reasoning", "html", "tools"]
    fields = ["id", "session", "parent", "role", "state", "created_at", "content", "reasoning"]
    inlines = [AttachmentInline]

    def get_queryset(self, request):
        """The list reads only the beginning of each message."""
        return super().get_queryset(request).annotate(beginning=Left("content", EXCERPT_CHARACTERS))

    def get_search_results(self, request, queryset, search_term):
        if pk := _as_id(search_term):
            return queryset.filter(Q(pk=pk) | Q(session=pk)), False
        if owners := owners_named(search_term.strip()):
            return queryset.filter(session__owner__in=owners), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="content")
    def excerpt(self, message: Message) -> str:
        return message.beginning


def _as_id(search_term: str) -> UUID | None:
    try:
        return UUID(search_term.strip())
    except ValueError:
        return None


def _link(list_of: str, session: Session) -> str:
    return format_html('<a href="{}?session__id__exact={}">show</a>', reverse(list_of), session.pk)
