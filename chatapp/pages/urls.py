"""URLs of the pages."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from chatapp.pages import accounts, views

urlpatterns = [
    path("", views.home, name="home"),
    path("chats", views.start, name="start"),
    path("chats/<uuid:pk>", views.session, name="session"),
    path("chats/<uuid:pk>/messages", views.messages, name="messages"),
    path("messages/<uuid:pk>", views.message, name="message"),
    path("runs/<uuid:pk>/stop", views.stop, name="stop"),
    path("runs/<uuid:pk>/events", views.events, name="events"),
    path("login", accounts.Login.as_view(), name="login"),
    path("login/link", accounts.LoginLink.as_view(), name="login_link"),
    path("logout", LogoutView.as_view(), name="logout"),
]
