"""The admin's view of tokens: owner, scope and expiry. Deleting one revokes it."""

from django.contrib import admin

from chatapp.accounts.models import Token


@admin.register(Token)
class TokenAdmin(admin.ModelAdmin):
    list_display = ["token_key", "name", "user", "scope", "created", "expiry", "last_used_at"]
    list_filter = ["scope"]
    list_select_related = ["user"]
    search_fields = ["user__username", "name", "token_key"]
    fields = ["user", "name", "token_key", "scope", "created", "expiry", "last_used_at"]

    def has_add_permission(self, request):
        return False  # a token is displayed once, to its owner; only its hash is stored

    def has_change_permission(self, request, obj=None):
        return False
