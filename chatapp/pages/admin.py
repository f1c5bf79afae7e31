"""The admin of users: Django's own, which also deletes users who have chats."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin

from chatapp.chats.models import Message, Session
from runs.actions import delete_user
from runs.models import Run

User = get_user_model()
admin.site.unregister(User)


@admin.register(User)
class PeopleAdmin(UserAdmin):
    def get_deleted_objects(self, objs, request):
        """Counts instead of every message of the user. Nobody may delete those by themselves; they go with the user."""
        users = list(objs)
        counts = {
            User._meta.verbose_name_plural: len(users),
            "sessions": Session.objects.filter(owner__in=users).count(),
            "messages": Message.objects.filter(session__owner__in=users).count(),
            "runs": Run.objects.filter(session__owner__in=users).count(),
        }
        return [f"User: {user}" for user in users], counts, set(), []

    def delete_model(self, request, obj):
        delete_user(obj, by=request.user)

    def delete_queryset(self, request, queryset):
        for user in queryset:
            delete_user(user, by=request.user)
