"""URLs of webhooks, below /settings/webhooks."""

from django.urls import path

from chatapp.web.webhooks import views

urlpatterns = [
    path("settings/webhooks", views.list_webhooks, name="webhooks"),
    path("settings/webhooks/<uuid:pk>/off", views.switch_off_webhook, name="webhook_off"),
    path("settings/webhooks/<uuid:pk>/on", views.switch_on_webhook, name="webhook_on"),
    path("settings/webhooks/<uuid:pk>/secret", views.renew_webhook_secret, name="webhook_secret"),
    path("settings/webhooks/<uuid:pk>/delete", views.delete_webhook, name="webhook_delete"),
]
