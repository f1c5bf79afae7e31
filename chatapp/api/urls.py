"""URLs of the API, below /api/v1/."""

from django.urls import path, re_path

from chatapp.api import streams
from chatapp.api.views import documentation, messages, queue, runs, sessions, site
from chatapp.api.views.endpoint import Missing

app_name = "api"
urlpatterns = [
    path("sessions", sessions.Sessions.as_view(), name="sessions"),
    path("sessions/<uuid:pk>", sessions.SessionDetail.as_view(), name="session"),
    path("sessions/<uuid:pk>/messages", messages.Messages.as_view(), name="messages"),
    path("sessions/<uuid:pk>/branch", messages.Branch.as_view(), name="branch"),
    path("sessions/<uuid:pk>/queue", queue.Queue.as_view(), name="queue"),
    path("sessions/<uuid:pk>/queue/release", queue.Release.as_view(), name="release"),
    path("messages/<uuid:pk>", messages.MessageDetail.as_view(), name="message"),
    path("messages/<uuid:pk>/siblings", messages.Siblings.as_view(), name="siblings"),
    path("messages/<uuid:pk>/show", messages.Show.as_view(), name="show"),
    path("messages/<uuid:pk>/edit", messages.Edit.as_view(), name="edit"),
    path("runs", runs.Runs.as_view(), name="runs"),
    path("runs/<uuid:pk>", runs.RunDetail.as_view(), name="run"),
    path("runs/<uuid:pk>/events", streams.events, name="events"),
    path("runs/<uuid:pk>/stop", runs.Stop.as_view(), name="stop"),
    path("runs/<uuid:pk>/again", runs.Again.as_view(), name="again"),
    path("runs/<uuid:pk>/continue", runs.Continue.as_view(), name="continue"),
    path("runs/<uuid:pk>/waiting", queue.Waiting.as_view(), name="waiting"),
    path("runs/<uuid:pk>/send-now", queue.SendNow.as_view(), name="send_now"),
    path("models", site.Models.as_view(), name="models"),
    path("me", site.Me.as_view(), name="me"),
    path("openapi.json", documentation.openapi, name="openapi"),
    path("docs", documentation.swagger, name="docs"),
    re_path(r"", Missing.as_view(), name="missing"),
]
