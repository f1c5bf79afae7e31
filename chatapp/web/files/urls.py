"""URLs of files."""

from django.urls import path

from chatapp.web.files import views

urlpatterns = [
    path("files", views.upload_file, name="upload_file"),
    path("files/<uuid:pk>", views.show_file, name="file"),
    path("files/<uuid:pk>/text", views.show_text, name="file_text"),
    path("files/<uuid:pk>/thumbnail", views.show_thumbnail, name="thumbnail"),
]
