"""URLs of chats: sessions, messages, runs and their queue."""

from django.urls import path

from chatapp.web.chat import export, messages, queue, runs, search, session_list, sessions, sharing

urlpatterns = [
    path("", sessions.new_session, name="home"),
    path("chats", sessions.create_session, name="start"),
    path("chats/select", session_list.select_sessions, name="select"),
    path("chats/<uuid:pk>", sessions.show_session, name="session"),
    path("chats/<uuid:pk>/messages", sessions.session_messages, name="messages"),
    path("chats/<uuid:pk>/title", sessions.rename_session, name="title"),
    path("chats/<uuid:pk>/tuning", sessions.edit_model_settings, name="tuning"),
    path("chats/<uuid:pk>/summary", sessions.go_on_with_summary, name="summary"),
    path("chats/<uuid:pk>/delete", sessions.delete_session, name="delete"),
    path("chats/<uuid:pk>/seen", session_list.mark_session_seen, name="seen"),
    path("chats/<uuid:pk>/pin", session_list.pin_session, name="pin"),
    path("chats/<uuid:pk>/archive", session_list.archive_session, name="put_away"),
    path("chats/<uuid:pk>/share", sharing.share_session, name="share"),
    path("chats/<uuid:pk>/export.md", export.export_markdown, name="export_markdown"),
    path("chats/<uuid:pk>/export.json", export.export_json, name="export_json"),
    path("chats/<uuid:pk>/queue/release", queue.release_queue, name="release"),
    path("chats/<uuid:pk>/queue/discard", queue.discard_queue, name="discard"),
    path("messages/<uuid:pk>", messages.show_message, name="message"),
    path("messages/<uuid:pk>/text", messages.message_text, name="message_text"),
    path("messages/<uuid:pk>/edit", messages.edit_message, name="edit_message"),
    path("messages/<uuid:pk>/branch", messages.switch_branch, name="branch"),
    path("messages/<uuid:pk>/again", runs.regenerate_answer, name="again"),
    path("messages/<uuid:pk>/other-model", runs.choose_other_model, name="other_model"),
    path("messages/<uuid:pk>/continue", runs.continue_answer, name="continue"),
    path("runs/<uuid:pk>/stop", runs.stop_run, name="stop"),
    path("runs/<uuid:pk>/edit", queue.edit_queued_run, name="edit"),
    path("runs/<uuid:pk>/remove", queue.remove_queued_run, name="remove"),
    path("runs/<uuid:pk>/send-now", queue.send_queued_run_now, name="send_now"),
    path("runs/<uuid:pk>/events", runs.run_events, name="events"),
    path("list", session_list.list_sessions, name="list"),
    path("archive", session_list.list_archived_sessions, name="archive"),
    path("search", search.search_sessions, name="search"),
    path("shared/<slug:token>", sharing.show_shared_session, name="shared"),
]
