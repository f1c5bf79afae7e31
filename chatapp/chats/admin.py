"""The admin's view of sessions and messages: read-only, because what was said was said."""

from django.contrib import admin
from django.db.models.functions import Left
from django.urls import reverse
from django.utils.html import format_html

from chatapp.chats.models import Message, Session

EXCERPT_CHARACTERS = 80


class ReadOnlyAdmin(admin.ModelAdmin):
    show_full_result_count = False  # a count of the whole table for a number nobody needs

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "owner", "model", "created_at", "active_at"]
    list_filter = ["active_at"]
    list_select_related = ["owner"]
    ordering = ["-active_at"]
    search_fields = ["=id", "title", "owner__username"]
    fields = ["id", "owner", "title", "model", "created_at", "active_at", "messages", "runs"]

    @admin.display(description="messages")
    def messages(self, session: Session) -> str:
        return _link("admin:chats_message_changelist", session)

    @admin.display(description="runs")
    def runs(self, session: Session) -> str:
        return _link("admin:runs_run_changelist", session)


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ["id", "session", "role", "state", "excerpt", "created_at"]
    list_filter = ["role", "state", "created_at"]
    list_select_related = ["session"]
    ordering = ["-id"]
    search_fields = ["=id", "=session__id", "session__owner__username"]
    fields = ["id", "session", "parent", "role", "state", "created_at", "content", "reasoning"]

    def get_queryset(self, request):
        """The list reads the beginning of each message, not all of it."""
        messages = super().get_queryset(request).annotate(beginning=Left("content", EXCERPT_CHARACTERS))
        return messages.defer("content", "reasoning", "html")

    @admin.display(description="content")
    def excerpt(self, message: Message) -> str:
        return message.beginning


def _link(list_of: str, session: Session) -> str:
    return format_html('<a href="{}?session__id__exact={}">show</a>', reverse(list_of), session.pk)
