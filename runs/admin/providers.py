"""Providers and models, with actions that test whether they answer."""

from django import forms
from django.contrib import admin, messages

from runs import provider_keys
from runs.admin.profiles import ProfileForm, RefusalFilter, effective_profile, learned_note
from runs.models import Model, Provider
from runs.upstream.learning import forget
from runs.upstream.servers import catalog, probe
from runs.upstream.servers.catalog import may_connect

MAX_TESTED = 5  # per request: staff wait for the page


class ProviderForm(ProfileForm):
    """Changing the address while keeping the key must be confirmed: the key would go to the new address."""

    sends_key = forms.BooleanField(
        label="Send the key to this new address",
        required=False,
        help_text="Required if the address changes and the key variable stays: the key will be sent to the new host.",
    )

    def clean(self):
        cleaned, before = super().clean(), self.initial.get("base_url", "")
        after, key_env = cleaned.get("base_url", ""), cleaned.get("key_env", "")
        is_kept = bool(key_env) and key_env == self.initial.get("key_env")
        if (
            is_kept
            and provider_keys.origin_of(after) != provider_keys.origin_of(before)
            and not cleaned.get("sends_key")
        ):
            self.add_error("sends_key", f"{key_env} was for {before}. Confirm that it may be sent to the new address.")
        return cleaned


@admin.register(Provider)
class ProviderAdmin(admin.ModelAdmin):
    """Who may change where a key is sent has access to the key: that takes the permission `runs.connect_provider`."""

    form = ProviderForm
    list_display = ["name", "address", "key_env", "has_key"]
    search_fields = ["name"]
    actions = ["test_connection"]

    def get_fields(self, request, obj=None):
        shown = ["name", "label", "position", "stored_key_note"]
        if not may_connect(request.user):
            return [*shown, "address", "key_env"]
        return [*shown, "base_url", "key_env", *(["sends_key"] if obj is not None and obj.key_env else []), "profile"]

    def get_readonly_fields(self, request, obj=None):
        return ["stored_key_note", *([] if may_connect(request.user) else ["address", "key_env"])]

    def has_add_permission(self, request):
        return super().has_add_permission(request) and may_connect(request.user)

    def save_model(self, request, obj, form, change):
        if "key_env" in form.changed_data and obj.key_env:
            obj.stored_key = ""  # one key, and this is the one that was chosen last
        super().save_model(request, obj, form, change)

    @admin.display(description="stored key")
    def stored_key_note(self, provider: Provider) -> str:
        """Keys are entered on the page Models, and never shown."""
        return "stored, encrypted" if provider.stored_key else "none"

    @admin.display(description="base url", ordering="base_url")
    def address(self, provider: Provider) -> str:
        """Without a password, which older versions accepted."""
        scheme, separator, rest = provider.base_url.partition("://")
        return f"{scheme}{separator}{rest.rpartition('@')[2]}"

    @admin.action(description="Test the connection", permissions=["change"])
    def test_connection(self, request, queryset):
        """From this process; workers may be in another network and environment."""
        for provider in queryset[:MAX_TESTED]:
            _show_result(self, request, provider.name, probe.probe_provider(provider))

    @admin.display(description="key set here", boolean=True)
    def has_key(self, provider: Provider) -> bool | None:
        """Whether this process has the key; None if none is needed. Workers may have another environment."""
        if provider.key_fault:
            return False
        return None if provider.key is None else bool(provider.key)


@admin.register(Model)
class ModelAdmin(admin.ModelAdmin):
    form = ProfileForm
    list_display = ["label", "name", "provider", "upstream_id", "enabled", "is_default", "position"]
    list_filter = ["provider", "enabled", RefusalFilter, "groups"]
    filter_horizontal = ["groups"]
    list_select_related = ["provider"]
    search_fields = ["name", "label", "upstream_id"]
    # At most one is the default: the action replaces it in one step.
    readonly_fields = ["is_default", "effective_profile", "learned_note"]
    actions = ["make_default", "test_connection", "forget_refusals"]

    @admin.display(description="what is sent")
    def effective_profile(self, model: Model) -> str:
        return effective_profile(model) if model.pk else ""

    @admin.display(description="learned from refusals")
    def learned_note(self, model: Model) -> str:
        return learned_note(model)

    @admin.action(description="Forget what was learned from refusals", permissions=["change"])
    def forget_refusals(self, request, queryset):
        for model in queryset:
            forget(model)
        self.message_user(request, "The servers are asked anew with the next requests.", messages.SUCCESS)

    @admin.action(description="Test by requesting a few tokens", permissions=["change"])
    def test_connection(self, request, queryset):
        for model in queryset.select_related("provider")[:MAX_TESTED]:
            _show_result(self, request, model.label, probe.probe_model(model))

    @admin.action(description="Make this model the default", permissions=["change"])
    def make_default(self, request, queryset):
        if queryset.count() != 1:
            self.message_user(request, "Choose exactly one model.", messages.ERROR)
            return
        model = queryset.get()
        catalog.make_default(model)
        self.message_user(request, f"{model} is now the default model.", messages.SUCCESS)


def _show_result(admin_page: admin.ModelAdmin, request, name: str, result: probe.ProbeResult) -> None:
    admin_page.message_user(request, f"{name}: {result.text}", messages.SUCCESS if result.is_ok else messages.ERROR)
