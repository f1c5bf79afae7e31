"""URLs of the API, below /api/v1/."""

from django.urls import path, re_path

from chatapp.api import views

app_name = "api"
urlpatterns = [
    path("sessions", views.Sessions.as_view(), name="sessions"),
    path("sessions/<uuid:pk>/messages", views.Messages.as_view(), name="messages"),
    path("runs/<uuid:pk>", views.RunDetail.as_view(), name="run"),
    path("runs/<uuid:pk>/stop", views.Stop.as_view(), name="stop"),
    path("runs/<uuid:pk>/events", views.events, name="events"),
    re_path(r"", views.Missing.as_view(), name="missing"),
]
