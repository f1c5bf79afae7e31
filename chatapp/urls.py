"""The URL map: pages at the root, the API at /api/, the OpenAI-compatible API at /v1/, the admin at /admin/."""

from django.contrib import admin
from django.urls import include, path

from chatapp.accounts.throttles import throttled_password, throttled_sign_in
from chatapp.api.views.endpoint import NotFoundEndpoint
from chatapp.openai.views.endpoint import missing

admin.site.site_header = admin.site.site_title = "chatapp"

handler400 = "chatapp.middleware.body_limits.not_understood"

urlpatterns = [
    path("admin/login/", throttled_sign_in(admin.site.login)),  # before the admin's own, which has no throttle
    path("admin/password_change/", throttled_password(admin.site.password_change)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("chatapp.api.urls")),
    path("api/", include("chatapp.aisdk.urls")),
    path("api/<path:elsewhere>", NotFoundEndpoint.as_view()),  # errors in the API's format for everything below /api/
    path("v1/", include("chatapp.openai.urls")),
    path("v1", missing, name="missing"),  # instead of a redirect
    path("", include("chatapp.ops.urls")),
    path("", include("chatapp.web.urls")),
]
