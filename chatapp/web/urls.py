"""URLs of the pages, by resource."""

from django.urls import include, path

urlpatterns = [
    path("", include("chatapp.web.shell.urls")),
    path("", include("chatapp.web.chat.urls")),
    path("", include("chatapp.web.files.urls")),
    path("", include("chatapp.web.compare.urls")),
    path("", include("chatapp.web.schedules.urls")),
    path("", include("chatapp.web.webhooks.urls")),
    path("", include("chatapp.web.providers.urls")),
    path("", include("chatapp.web.account.urls")),
]
