"""The admin of users and groups: Django's, without privilege escalation, and able to delete users who have chats.

In Django, a user who may change users can make anyone a superuser, and one who may change groups can grant any
permission. Here only superusers decide who is staff and has which permissions, and only they change staff accounts.
"""

from collections.abc import Iterable

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import AbstractUser, Group
from django.db.models import QuerySet
from django.http import HttpRequest

from chatapp.chats.models import Message, Session
from runs.actions import delete_user
from runs.models import Run

User = get_user_model()
admin.site.unregister([User, Group])

PRIVILEGES = ("is_staff", "is_superuser", "groups", "user_permissions")


def is_protected(user: AbstractUser, request: HttpRequest) -> bool:
    """Whether only superusers may change or delete `user`, and the current user is not one."""
    return (user.is_staff or user.is_superuser) and not request.user.is_superuser


@admin.register(User)
class AppUserAdmin(UserAdmin):
    def get_readonly_fields(self, request: HttpRequest, obj: AbstractUser | None = None) -> tuple[str, ...]:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *PRIVILEGES)

    def has_change_permission(self, request: HttpRequest, obj: AbstractUser | None = None) -> bool:
        """The page that sets a password checks this, too."""
        return super().has_change_permission(request, obj) and not (obj is not None and is_protected(obj, request))

    def has_delete_permission(self, request: HttpRequest, obj: AbstractUser | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj is not None and is_protected(obj, request))

    def get_deleted_objects(self, objs: Iterable[AbstractUser], request: HttpRequest) -> tuple[list, dict, set, list]:
        """Count the user's messages and runs instead of listing them. They are deleted with the user, never alone."""
        users = list(objs)
        counts = {
            User._meta.verbose_name_plural: len(users),
            "sessions": Session.objects.filter(owner__in=users).count(),
            "messages": Message.objects.filter(session__owner__in=users).count(),
            "runs": Run.objects.filter(session__owner__in=users).count(),
        }
        missing = {"user who is staff" for user in users if not self.has_delete_permission(request, user)}
        return [f"User: {user}" for user in users], counts, missing, []

    def delete_model(self, request: HttpRequest, obj: AbstractUser) -> None:
        delete_user(obj, by=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for user in queryset:
            delete_user(user, by=request.user)


@admin.register(Group)
class SuperuserGroupAdmin(GroupAdmin):
    """Only superusers edit groups, since a group grants its permissions to its members."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser
