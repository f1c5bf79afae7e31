"""URLs of the pages."""

from django.urls import path

from chatapp.accounts.throttles import throttled_link, throttled_password, throttled_sign_in
from chatapp.pages import accounts, answers, export, managing, messages, preferences, queue, search, sharing, views

urlpatterns = [
    path("", views.home, name="home"),
    path("chats", views.start, name="start"),
    path("chats/<uuid:pk>", views.session, name="session"),
    path("chats/<uuid:pk>/messages", views.messages, name="messages"),
    path("chats/<uuid:pk>/title", views.title, name="title"),
    path("chats/<uuid:pk>/tuning", views.tuning, name="tuning"),
    path("chats/<uuid:pk>/delete", views.delete, name="delete"),
    path("chats/<uuid:pk>/seen", managing.seen, name="seen"),
    path("chats/<uuid:pk>/pin", managing.pin, name="pin"),
    path("chats/<uuid:pk>/archive", managing.put_away, name="put_away"),
    path("chats/<uuid:pk>/share", sharing.share, name="share"),
    path("chats/<uuid:pk>/export.md", export.markdown, name="export_markdown"),
    path("chats/<uuid:pk>/export.json", export.json, name="export_json"),
    path("chats/<uuid:pk>/queue/release", queue.release, name="release"),
    path("chats/<uuid:pk>/queue/discard", queue.discard, name="discard"),
    path("messages/<uuid:pk>", messages.message, name="message"),
    path("messages/<uuid:pk>/text", messages.text, name="message_text"),
    path("messages/<uuid:pk>/edit", messages.edit, name="edit_message"),
    path("messages/<uuid:pk>/branch", messages.branch, name="branch"),
    path("messages/<uuid:pk>/again", answers.again, name="again"),
    path("messages/<uuid:pk>/continue", answers.carry_on, name="continue"),
    path("runs/<uuid:pk>/stop", answers.stop, name="stop"),
    path("runs/<uuid:pk>/edit", queue.edit, name="edit"),
    path("runs/<uuid:pk>/remove", queue.remove, name="remove"),
    path("runs/<uuid:pk>/send-now", queue.send_now, name="send_now"),
    path("runs/<uuid:pk>/events", answers.events, name="events"),
    path("list", managing.session_list, name="list"),
    path("archive", managing.archived, name="archive"),
    path("search", search.search, name="search"),
    path("shared/<slug:token>", sharing.shared, name="shared"),
    path("settings", preferences.settings, name="settings"),
    path("settings/password", throttled_password(preferences.password, "settings"), name="password"),
    path("settings/tokens", preferences.make_token, name="make_token"),
    path("settings/tokens/<uuid:uuid>/revoke", preferences.revoke_token, name="revoke_token"),
    path("settings/invitations", preferences.make_invitation, name="make_invitation"),
    path("invitation", throttled_link(accounts.accept_invitation), name="invitation"),
    path("login", throttled_sign_in(accounts.Login.as_view()), name="login"),
    path("login/link", throttled_link(accounts.login_link), name="login_link"),
    path("logout", accounts.Logout.as_view(), name="logout"),
]
