"""URLs of the pages."""

from django.urls import path

from chatapp.accounts.throttles import throttled_link, throttled_password, throttled_sign_in
from chatapp.web.account import login, settings
from chatapp.web.chat import export, messages, queue, runs, search, session_list, sessions, sharing

urlpatterns = [
    path("", sessions.home, name="home"),
    path("chats", sessions.start, name="start"),
    path("chats/<uuid:pk>", sessions.session, name="session"),
    path("chats/<uuid:pk>/messages", sessions.messages, name="messages"),
    path("chats/<uuid:pk>/title", sessions.title, name="title"),
    path("chats/<uuid:pk>/tuning", sessions.tuning, name="tuning"),
    path("chats/<uuid:pk>/delete", sessions.delete, name="delete"),
    path("chats/<uuid:pk>/seen", session_list.seen, name="seen"),
    path("chats/<uuid:pk>/pin", session_list.pin, name="pin"),
    path("chats/<uuid:pk>/archive", session_list.put_away, name="put_away"),
    path("chats/<uuid:pk>/share", sharing.share, name="share"),
    path("chats/<uuid:pk>/export.md", export.markdown, name="export_markdown"),
    path("chats/<uuid:pk>/export.json", export.json, name="export_json"),
    path("chats/<uuid:pk>/queue/release", queue.release, name="release"),
    path("chats/<uuid:pk>/queue/discard", queue.discard, name="discard"),
    path("messages/<uuid:pk>", messages.message, name="message"),
    path("messages/<uuid:pk>/text", messages.text, name="message_text"),
    path("messages/<uuid:pk>/edit", messages.edit, name="edit_message"),
    path("messages/<uuid:pk>/branch", messages.branch, name="branch"),
    path("messages/<uuid:pk>/again", runs.again, name="again"),
    path("messages/<uuid:pk>/continue", runs.carry_on, name="continue"),
    path("runs/<uuid:pk>/stop", runs.stop, name="stop"),
    path("runs/<uuid:pk>/edit", queue.edit, name="edit"),
    path("runs/<uuid:pk>/remove", queue.remove, name="remove"),
    path("runs/<uuid:pk>/send-now", queue.send_now, name="send_now"),
    path("runs/<uuid:pk>/events", runs.events, name="events"),
    path("list", session_list.session_list, name="list"),
    path("archive", session_list.archived, name="archive"),
    path("search", search.search, name="search"),
    path("shared/<slug:token>", sharing.shared, name="shared"),
    path("settings", settings.settings, name="settings"),
    path("settings/password", throttled_password(settings.password, "settings"), name="password"),
    path("settings/tokens", settings.make_token, name="make_token"),
    path("settings/tokens/<uuid:uuid>/revoke", settings.revoke_token, name="revoke_token"),
    path("settings/invitations", settings.make_invitation, name="make_invitation"),
    path("invitation", throttled_link(login.accept_invitation), name="invitation"),
    path("login", throttled_sign_in(login.Login.as_view()), name="login"),
    path("login/link", throttled_link(login.login_link), name="login_link"),
    path("logout", login.Logout.as_view(), name="logout"),
]
