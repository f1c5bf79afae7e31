"""URLs of comparisons, below /compare."""

from django.urls import path

from chatapp.web.compare import views

urlpatterns = [
    path("compare", views.start, name="compare"),
    path("compare/history", views.comparisons, name="comparisons"),
    path("compare/scoreboard", views.scoreboard, name="scoreboard"),
    path("compare/<uuid:pk>", views.comparison, name="comparison"),
    path("compare/<uuid:pk>/stop", views.stop_all, name="stop_all"),
    path("compare/<uuid:pk>/vote", views.vote, name="vote"),
    path("compare/<uuid:pk>/delete", views.delete, name="delete_comparison"),
    path("compare/<uuid:pk>/export.md", views.export, name="export_comparison"),
    path("compare/panes/<uuid:pk>/stop", views.stop, name="stop_pane"),
    path("compare/panes/<uuid:pk>/close", views.close, name="close_pane"),
    path("compare/panes/<uuid:pk>/again", views.again, name="reroll_pane"),
    path("compare/panes/<uuid:pk>/continue", views.go_on, name="go_on_with_pane"),
]
