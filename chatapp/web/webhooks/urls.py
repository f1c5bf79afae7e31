"""URLs of webhooks, below /settings/webhooks."""

from django.urls import path

from chatapp.web.webhooks import views

urlpatterns = [
    path("settings/webhooks", views.webhooks, name="webhooks"),
    path("settings/webhooks/<uuid:pk>/off", views.off, name="webhook_off"),
    path("settings/webhooks/<uuid:pk>/on", views.on, name="webhook_on"),
    path("settings/webhooks/<uuid:pk>/secret", views.secret, name="webhook_secret"),
    path("settings/webhooks/<uuid:pk>/delete", views.delete, name="webhook_delete"),
]
