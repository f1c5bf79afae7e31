"""URLs of the API, below /api/v1/."""

from django.urls import path, re_path

from chatapp.api import views

app_name = "api"
urlpatterns = [
    path("sessions", views.Sessions.as_view(), name="sessions"),
    path("sessions/<uuid:pk>/messages", views.Messages.as_view(), name="messages"),
    path("sessions/<uuid:pk>", views.SessionDetail.as_view(), name="session"),
    path("sessions/<uuid:pk>/queue", views.Queue.as_view(), name="queue"),
    path("messages/<uuid:pk>/edit", views.Edit.as_view(), name="edit"),
    path("runs/<uuid:pk>/waiting", views.Waiting.as_view(), name="waiting"),
    path("runs/<uuid:pk>/send-now", views.SendNow.as_view(), name="send_now"),
    path("runs/<uuid:pk>/again", views.Again.as_view(), name="again"),
    path("runs/<uuid:pk>/continue", views.GoOn.as_view(), name="continue"),
    path("runs/<uuid:pk>", views.RunDetail.as_view(), name="run"),
    path("runs/<uuid:pk>/stop", views.Stop.as_view(), name="stop"),
    path("runs/<uuid:pk>/events", views.events, name="events"),
    re_path(r"", views.Missing.as_view(), name="missing"),
]
