"""The admin of users and groups: Django's own, which also deletes users who have chats, and gives nobody more rights.

Django lets whoever may change users make anybody a superuser, and whoever may change groups give them any permission.
Here superusers alone decide who is staff and who may do what, and the accounts of staff are theirs to change.
"""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group

from chatapp.chats.models import Message, Session
from runs.actions import delete_user
from runs.models import Run

User = get_user_model()
admin.site.unregister([User, Group])

PRIVILEGES = ("is_staff", "is_superuser", "groups", "user_permissions")


def is_off_limits(user, request) -> bool:
    """Whether `user` may be changed and deleted by superusers only, and it is none who asks."""
    return (user.is_staff or user.is_superuser) and not request.user.is_superuser


@admin.register(User)
class PeopleAdmin(UserAdmin):
    def get_readonly_fields(self, request, obj=None):
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *PRIVILEGES)

    def has_change_permission(self, request, obj=None):
        """Also asked by the page that sets a password."""
        return super().has_change_permission(request, obj) and not (obj is not None and is_off_limits(obj, request))

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and not (obj is not None and is_off_limits(obj, request))

    def get_deleted_objects(self, objs, request):
        """Counts instead of every message of the user. Nobody may delete those by themselves; they go with the user."""
        users = list(objs)
        counts = {
            User._meta.verbose_name_plural: len(users),
            "sessions": Session.objects.filter(owner__in=users).count(),
            "messages": Message.objects.filter(session__owner__in=users).count(),
            "runs": Run.objects.filter(session__owner__in=users).count(),
        }
        missing = {"user who is staff" for user in users if not self.has_delete_permission(request, user)}
        return [f"User: {user}" for user in users], counts, missing, []

    def delete_model(self, request, obj):
        delete_user(obj, by=request.user)

    def delete_queryset(self, request, queryset):
        for user in queryset:
            delete_user(user, by=request.user)


@admin.register(Group)
class RolesAdmin(GroupAdmin):
    """What a group may do is what its members may do."""

    def has_add_permission(self, request):
        return request.user.is_superuser

    def has_change_permission(self, request, obj=None):
        return request.user.is_superuser

    def has_delete_permission(self, request, obj=None):
        return request.user.is_superuser
