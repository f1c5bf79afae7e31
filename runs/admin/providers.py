"""Providers and models, and whether they answer."""

from django.contrib import admin, messages

from runs import catalog
from runs.models import Model, Provider
from runs.providers import probe

MOST_TESTED = 5  # at once: a person waits for the page


@admin.register(Provider)
class ProviderAdmin(admin.ModelAdmin):
    list_display = ["name", "base_url", "key_env", "has_its_key"]
    search_fields = ["name", "base_url"]
    actions = ["test_connection"]

    @admin.action(description="Test the connection", permissions=["change"])
    def test_connection(self, request, queryset):
        """From this process; the workers may live in another network and environment."""
        for provider in queryset[:MOST_TESTED]:
            _tell(self, request, provider.name, probe.ask_provider(provider))

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
    actions = ["make_default", "test_connection"]

    @admin.action(description="Test: ask for one token", permissions=["change"])
    def test_connection(self, request, queryset):
        for model in queryset.select_related("provider")[:MOST_TESTED]:
            _tell(self, request, model.label, probe.ask_model(model))

    @admin.action(description="Make this model the default one", permissions=["change"])
    def make_default(self, request, queryset):
        if queryset.count() != 1:
            self.message_user(request, "Choose exactly one model.", messages.ERROR)
            return
        model = queryset.get()
        catalog.make_default(model)
        self.message_user(request, f"{model} is the default model now.", messages.SUCCESS)


def _tell(admin_page: admin.ModelAdmin, request, name: str, found: probe.Found) -> None:
    admin_page.message_user(request, f"{name}: {found.text}", messages.SUCCESS if found.is_ok else messages.ERROR)
