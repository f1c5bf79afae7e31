"""The OpenAPI schema, and a page to read it and try the API. Both are public, like the code."""

from functools import cache
from hashlib import sha256

from django.http import HttpResponse
from django.templatetags.static import static
from django.utils.cache import get_conditional_response
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request

from chatapp.accounts.throttles import AddressThrottle

PUBLIC = {"authentication_classes": [], "permission_classes": [], "throttle_classes": [AddressThrottle]}
FRESH_SECONDS = 300  # s a client may cache the schema


class OpenApi(SpectacularJSONAPIView):
    """The schema, the same for all users. Generated once per process, which takes half a second."""

    def _get_schema_response(self, request: Request) -> HttpResponse:
        text, etag = _schema(type(self))
        response = HttpResponse(text, content_type=request.accepted_renderer.media_type)
        response["ETag"] = etag
        response["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
        return get_conditional_response(request._request, etag, None, response)


@cache
def _schema(view: type[OpenApi]) -> tuple[bytes, str]:
    """The schema as JSON, and its ETag."""
    schema = view.generator_class(urlconf=view.urlconf).get_schema(public=True)
    text = OpenApiJsonRenderer().render(schema)
    return text, f'"{sha256(text).hexdigest()[:32]}"'


class Swagger(SpectacularSwaggerSplitView):
    """Swagger UI from this site's own files, without inline scripts or styles."""

    template_name = "api/docs.html"
    title = "chatapp: the API"
    url_name = "api:openapi"

    @staticmethod
    def _swagger_ui_resource(filename: str) -> str:
        return static(f"vendor/swagger-ui/{filename}")

    @staticmethod
    def _swagger_ui_favicon() -> str:
        return ""


openapi = OpenApi.as_view(**PUBLIC)
swagger = Swagger.as_view(**PUBLIC)
