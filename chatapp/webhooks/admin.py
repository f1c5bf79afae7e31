"""The admin's view of webhooks: endpoints without secrets, and the delivery log, with an action to send again."""

from django.contrib import admin, messages
from django.urls import reverse
from django.utils.html import format_html

from chatapp.chats.admin import ReadOnlyAdmin
from chatapp.chats.admin_lists import LongListAdmin
from chatapp.webhooks import actions
from chatapp.webhooks.deliveries import SEND_DUE
from chatapp.webhooks.models import Delivery, Endpoint
from runs.lifecycle import dispatch

MAX_DELIVERIES = 500  # deliveries sent again by one action


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    list_display = ["url", "owner", "is_enabled", "disabled_why", "failures", "created_at"]
    list_filter = ["is_enabled", "disabled_why"]
    list_select_related = ["owner"]
    ordering = ["-created_at"]
    search_fields = ["=id", "url", "owner__username"]
    fields = [
        "id", "owner", "url", "ends", "is_enabled", "disabled_why", "failures", "created_at", "enabled_at", "history",
    ]  # fmt: skip

    @admin.display(description="deliveries")
    def history(self, endpoint: Endpoint) -> str:
        path = reverse("admin:webhooks_delivery_changelist", query={"endpoint__id__exact": endpoint.pk})
        return format_html('<a href="{}">show</a>', path)


@admin.register(Delivery)
class DeliveryAdmin(LongListAdmin, ReadOnlyAdmin):
    list_display = ["created_at", "endpoint", "state", "attempts", "response_status", "error", "next_attempt_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["endpoint"]
    ordering = ["-created_at"]
    sortable_by = ["created_at"]
    not_listed = ["payload", "response_text"]
    search_fields = ["=id", "=run", "=endpoint__id", "endpoint__url", "endpoint__owner__username"]
    fields = [
        "message_id", "endpoint", "its_run", "payload", "state", "attempts", "next_attempt_at", "response_status",
        "response_text", "error", "created_at", "ended_at",
    ]  # fmt: skip
    actions = ["send_again"]

    @admin.display(description="run")
    def its_run(self, delivery: Delivery) -> str:
        return format_html('<a href="{}">{}</a>', reverse("admin:runs_run_change", args=[delivery.run]), delivery.run)

    def has_send_again_permission(self, request) -> bool:
        return request.user.has_perm("webhooks.change_delivery")

    @admin.action(description="Send again", permissions=["send_again"])
    def send_again(self, request, chosen):
        """Deliver the same messages again, with the same ids and all attempts. Skips pending deliveries."""
        sent = [delivery for delivery in chosen[:MAX_DELIVERIES] if actions.send_again(delivery)]
        for delivery in sent:
            self.log_change(request, delivery, "Sent again")
        if sent:
            dispatch.send_soon(SEND_DUE)
        self.message_user(request, f"Deliveries sent again: {len(sent)}.", messages.SUCCESS)
