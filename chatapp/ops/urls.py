"""URLs for monitoring."""

from django.urls import path

from chatapp.ops import views

urlpatterns = [
    path("healthz", views.alive, name="healthz"),
    path("readyz", views.Ready.as_view(), name="readyz"),
    path("metrics", views.metrics, name="metrics"),
]
