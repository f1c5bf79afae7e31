"""URLs that all pages use."""

from django.urls import path
from django.views.decorators.http import require_GET

from streams.transports.page_events import page_events

urlpatterns = [
    path("streams", require_GET(page_events), name="streams"),
]
