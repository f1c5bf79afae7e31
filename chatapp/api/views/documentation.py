"""The schema of the API, and a page to read and try it. Both are for everybody: they say what the code says."""

from django.templatetags.static import static
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

PUBLIC = {"authentication_classes": [], "permission_classes": [], "throttle_classes": []}


class Swagger(SpectacularSwaggerSplitView):
    """Swagger UI from this site's own files, without a script or a style in the page."""

    template_name = "api/docs.html"
    title = "chatapp: the API"
    url_name = "api:openapi"

    @staticmethod
    def _swagger_ui_resource(filename: str) -> str:
        return static(f"vendor/swagger-ui/{filename}")

    @staticmethod
    def _swagger_ui_favicon() -> str:
        return ""


openapi = SpectacularJSONAPIView.as_view(**PUBLIC)
swagger = Swagger.as_view(**PUBLIC)
