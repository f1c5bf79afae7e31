"""URLs of providers and models."""

from django.urls import path

from chatapp.web.providers import connect, favourites, model, overview, provider

urlpatterns = [
    path("models", overview.show_models, name="models"),
    path("models/connect", connect.choose_server, name="connect"),
    path("models/connect/server", connect.connect_server, name="connect_server"),
    path("models/favourite", favourites.set_favourite, name="favourite"),
    path("models/providers/<int:pk>", provider.edit_provider, name="provider"),
    path("models/providers/<int:pk>/models", provider.choose_models, name="provider_models"),
    path("models/providers/<int:pk>/list", provider.refresh_models, name="refresh_models"),
    path("models/providers/<int:pk>/delete", provider.delete_provider, name="delete_provider"),
    path("models/<int:pk>", model.edit_model, name="model"),
    path("models/<int:pk>/default", model.make_default, name="make_default"),
    path("models/<int:pk>/test", model.probe_model, name="test_model"),
]
