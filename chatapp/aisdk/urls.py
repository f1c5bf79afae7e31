"""URLs below /api/chat, where the AI SDK looks for them."""

from django.urls import path

from chatapp.aisdk import views

app_name = "aisdk"
urlpatterns = [
    path("", views.Chats.as_view(), name="chats"),
    path("/<str:name>", views.Chat.as_view(), name="chat"),
    path("/<str:name>/stream", views.Stream.as_view(), name="stream"),
    path("/<str:name>/stop", views.Stop.as_view(), name="stop"),
]
