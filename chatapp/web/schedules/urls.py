"""URLs of schedules, below /schedules."""

from django.urls import path

from chatapp.web.schedules import views

urlpatterns = [
    path("schedules", views.list_schedules, name="schedules"),
    path("schedules/new", views.create_schedule, name="new_schedule"),
    path("schedules/preview", views.preview_schedule, name="preview_schedule"),
    path("schedules/<uuid:pk>", views.show_schedule, name="schedule"),
    path("schedules/<uuid:pk>/edit", views.edit_schedule, name="edit_schedule"),
    path("schedules/<uuid:pk>/run", views.run_schedule_now, name="run_schedule"),
    path("schedules/<uuid:pk>/pause", views.pause_schedule, name="pause_schedule"),
    path("schedules/<uuid:pk>/resume", views.resume_schedule, name="resume_schedule"),
    path("schedules/<uuid:pk>/duplicate", views.duplicate_schedule, name="duplicate_schedule"),
    path("schedules/<uuid:pk>/delete", views.delete_schedule, name="delete_schedule"),
]
