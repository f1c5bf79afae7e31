"""Monitoring: liveness, readiness and metrics."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET
from health_check.views import HealthCheckView
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chatapp.ops.metrics import registry
from chatapp.ops.readiness import CHECKS


@require_GET
async def alive(request: HttpRequest) -> HttpResponse:
    """Liveness: this process responds. Checks nothing else: a database outage must not restart web servers."""
    return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


class Ready(HealthCheckView):
    """Readiness: 200, or 503 with what is missing. Always JSON, and without secrets."""

    checks = CHECKS
    http_method_names = ["get", "head", "options"]

    async def get(self, request, *args, **kwargs):
        self.results = [await check.get_result() for check in self.get_checks()]
        states = {result.check.name: str(result.error) if result.error else "ok" for result in self.results}
        is_ready = not any(result.error for result in self.results)
        return JsonResponse({"ready": is_ready, "parts": states}, status=200 if is_ready else 503)


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Metrics in Prometheus' text format, for METRICS_TOKEN and staff; 404 for all others."""
    if not (_has_token(request) or (request.user.is_active and request.user.is_staff)):
        raise Http404
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    expected = settings.METRICS_TOKEN
    return bool(expected) and scheme == "Bearer" and constant_time_compare(token, expected)
