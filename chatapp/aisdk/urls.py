"""URLs of /api/chat, the AI SDK's default path."""

from django.urls import path

from chatapp.aisdk import views

app_name = "aisdk"
urlpatterns = [
    path("chat", views.Chats.as_view(), name="chats"),
    path("chat/<str:name>", views.Chat.as_view(), name="chat"),
    path("chat/<str:name>/stream", views.Stream.as_view(), name="stream"),
    path("chat/<str:name>/stop", views.Stop.as_view(), name="stop"),
]
