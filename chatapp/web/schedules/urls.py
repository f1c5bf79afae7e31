"""URLs of schedules, below /schedules."""

from django.urls import path

from chatapp.web.schedules import views

urlpatterns = [
    path("schedules", views.schedules, name="schedules"),
    path("schedules/new", views.new, name="new_schedule"),
    path("schedules/preview", views.preview, name="preview_schedule"),
    path("schedules/<uuid:pk>", views.schedule, name="schedule"),
    path("schedules/<uuid:pk>/edit", views.edit, name="edit_schedule"),
    path("schedules/<uuid:pk>/run", views.run_now, name="run_schedule"),
    path("schedules/<uuid:pk>/pause", views.pause, name="pause_schedule"),
    path("schedules/<uuid:pk>/resume", views.resume, name="resume_schedule"),
    path("schedules/<uuid:pk>/duplicate", views.duplicate, name="duplicate_schedule"),
    path("schedules/<uuid:pk>/delete", views.delete, name="delete_schedule"),
]
