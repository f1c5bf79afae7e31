"""The admin's view of API requests, for investigating failures. The answer is with the run."""

from django.contrib import admin

from chatapp.chats.admin import ReadOnlyAdmin
from chatapp.openai.models import Exchange, ModelAlias


@admin.register(Exchange)
class ExchangeAdmin(ReadOnlyAdmin):
    list_display = ["run", "kind", "owner", "is_background", "is_stored", "queued_at"]
    list_filter = ["kind", "is_background", "is_stored"]
    list_select_related = ["run__session__owner"]
    search_fields = ["run__session__owner__username"]
    ordering = ["-run"]  # UUIDv7: the newest first
    fields = ["run", "owner", "kind", "is_background", "is_stored", "previous", "input", "parameters", "echo"]

    @admin.display(ordering="run__session__owner__username")
    def owner(self, exchange: Exchange):
        return exchange.run.session.owner

    @admin.display(ordering="run__queued_at")
    def queued_at(self, exchange: Exchange):
        return exchange.run.queued_at


@admin.register(ModelAlias)
class ModelAliasAdmin(admin.ModelAdmin):
    list_display = ["name", "model"]
    list_select_related = ["model"]
    search_fields = ["name", "model__name"]
