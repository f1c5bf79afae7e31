"""URLs of the API, below /api/v1/."""

from django.urls import path, re_path

from chatapp.api import streams
from chatapp.api.views import compare, documentation, files, messages, queue, runs, schedules, sessions, site
from chatapp.api.views.endpoint import Missing

app_name = "api"
urlpatterns = [
    path("sessions", sessions.Sessions.as_view(), name="sessions"),
    path("sessions/<uuid:pk>", sessions.SessionDetail.as_view(), name="session"),
    path("sessions/<uuid:pk>/share", sessions.Share.as_view(), name="share"),
    path("sessions/<uuid:pk>/seen", sessions.Seen.as_view(), name="seen"),
    path("sessions/<uuid:pk>/export.md", files.SessionMarkdown.as_view(), name="session_markdown"),
    path("sessions/<uuid:pk>/export.json", files.SessionDocument.as_view(), name="session_document"),
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
    path("compare", compare.Comparisons.as_view(), name="comparisons"),
    path("compare/scoreboard", compare.Scoreboard.as_view(), name="scoreboard"),
    path("compare/<uuid:pk>", compare.ComparisonDetail.as_view(), name="comparison"),
    path("compare/<uuid:pk>/stop", compare.StopAll.as_view(), name="stop_all"),
    path("compare/<uuid:pk>/vote", compare.Vote.as_view(), name="vote"),
    path("compare/<uuid:pk>/export.md", files.ComparisonMarkdown.as_view(), name="comparison_markdown"),
    path("panes/<uuid:pk>/stop", compare.StopPane.as_view(), name="stop_pane"),
    path("panes/<uuid:pk>/close", compare.ClosePane.as_view(), name="close_pane"),
    path("panes/<uuid:pk>/again", compare.RerollPane.as_view(), name="reroll_pane"),
    path("panes/<uuid:pk>/continue", compare.GoOn.as_view(), name="go_on_with_pane"),
    path("schedules", schedules.Schedules.as_view(), name="schedules"),
    path("schedules/preview", schedules.Preview.as_view(), name="preview_schedule"),
    path("schedules/<uuid:pk>", schedules.ScheduleDetail.as_view(), name="schedule"),
    path("schedules/<uuid:pk>/run", schedules.RunNow.as_view(), name="run_schedule"),
    path("schedules/<uuid:pk>/pause", schedules.Pause.as_view(), name="pause_schedule"),
    path("schedules/<uuid:pk>/resume", schedules.Resume.as_view(), name="resume_schedule"),
    path("schedules/<uuid:pk>/duplicate", schedules.Duplicate.as_view(), name="duplicate_schedule"),
    path("schedules/<uuid:pk>/occurrences", schedules.Occurrences.as_view(), name="occurrences"),
    path("models", site.Models.as_view(), name="models"),
    path("me", site.Me.as_view(), name="me"),
    path("openapi.json", documentation.openapi, name="openapi"),
    path("docs", documentation.swagger, name="docs"),
    re_path(r"", Missing.as_view(), name="missing"),
]
