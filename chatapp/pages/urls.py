"""URLs of the pages."""

urlpatterns = []
