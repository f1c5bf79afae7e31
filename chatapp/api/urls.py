"""URLs of the API, below /api/v1/."""

from django.urls import path, re_path

from chatapp.api.views import queue, runs, sessions
from chatapp.api.views.endpoint import Missing

app_name = "api"
urlpatterns = [
    path("sessions", sessions.Sessions.as_view(), name="sessions"),
    path("sessions/<uuid:pk>", sessions.SessionDetail.as_view(), name="session"),
    path("sessions/<uuid:pk>/messages", sessions.Messages.as_view(), name="messages"),
    path("sessions/<uuid:pk>/queue", queue.Queue.as_view(), name="queue"),
    path("sessions/<uuid:pk>/queue/release", queue.Release.as_view(), name="release"),
    path("messages/<uuid:pk>/edit", sessions.Edit.as_view(), name="edit"),
    path("runs/<uuid:pk>", runs.RunDetail.as_view(), name="run"),
    path("runs/<uuid:pk>/events", runs.events, name="events"),
    path("runs/<uuid:pk>/stop", runs.Stop.as_view(), name="stop"),
    path("runs/<uuid:pk>/again", runs.Again.as_view(), name="again"),
    path("runs/<uuid:pk>/continue", runs.Continue.as_view(), name="continue"),
    path("runs/<uuid:pk>/waiting", queue.Waiting.as_view(), name="waiting"),
    path("runs/<uuid:pk>/send-now", queue.SendNow.as_view(), name="send_now"),
    re_path(r"", Missing.as_view(), name="missing"),
]
