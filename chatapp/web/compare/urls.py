"""URLs of comparisons, below /compare."""

from django.urls import path

from chatapp.web.compare import views

urlpatterns = [
    path("compare", views.create_comparison, name="compare"),
    path("compare/history", views.list_comparisons, name="comparisons"),
    path("compare/scoreboard", views.show_scoreboard, name="scoreboard"),
    path("compare/<uuid:pk>", views.show_comparison, name="comparison"),
    path("compare/<uuid:pk>/stop", views.stop_comparison, name="stop_all"),
    path("compare/<uuid:pk>/resume", views.resume_comparison, name="resume_all"),
    path("compare/<uuid:pk>/vote", views.vote_on_comparison, name="vote"),
    path("compare/<uuid:pk>/delete", views.delete_comparison, name="delete_comparison"),
    path("compare/<uuid:pk>/export.md", views.export_comparison, name="export_comparison"),
    path("compare/panes/<uuid:pk>/stop", views.stop_pane, name="stop_pane"),
    path("compare/panes/<uuid:pk>/close", views.close_pane, name="close_pane"),
    path("compare/panes/<uuid:pk>/again", views.reroll_pane, name="reroll_pane"),
    path("compare/panes/<uuid:pk>/resume", views.resume_pane, name="resume_pane"),
    path("compare/panes/<uuid:pk>/continue", views.continue_pane, name="go_on_with_pane"),
]
