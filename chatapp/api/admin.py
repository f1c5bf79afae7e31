"""The admin's view of API tokens: whose they are and until when. Deleting one revokes it."""

from django.contrib import admin
from knox.models import get_token_model

admin.site.unregister(get_token_model())  # knox' own offers to add one, which nobody could ever use


@admin.register(get_token_model())
class TokenAdmin(admin.ModelAdmin):
    list_display = ["token_key", "user", "created", "expiry"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    fields = ["user", "token_key", "created", "expiry"]

    def has_add_permission(self, request):
        return False  # `manage.py token` shows it once; only its hash is kept

    def has_change_permission(self, request, obj=None):
        return False
