"""The live tail of a running run's stream, for staff: the same `follow()` that readers have."""

from uuid import UUID

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from runs.models import Run
from streams.access import SessionViewer, in_request_thread
from streams.transports.sse import page_stream


class StaffViewer(SessionViewer):
    """A user who may view runs in the admin. Rechecked during the tail, as for every viewer.

    Attached runs are excluded: staff who follow one would keep it alive, or end it by leaving.
    """

    __slots__ = ()

    @classmethod
    def allowed(cls, pairs: set[tuple[int, UUID]]) -> set[tuple[int, UUID]]:
        staff = get_user_model().objects.filter(pk__in={user_id for user_id, _ in pairs}, is_staff=True)
        allowed_users = {user.pk for user in staff if user.has_perm("runs.view_run")}
        runs = Run.objects.filter(pk__in={stream for _, stream in pairs}, viewer_until=None)
        streams = set(runs.values_list("pk", flat=True))
        return {(user_id, stream) for user_id, stream in pairs if user_id in allowed_users and stream in streams}


@require_GET
async def events(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The run's stream as server-sent events (docs/protocol.md). 404 for all who may not view runs."""
    viewer = await in_request_thread(lambda: StaffViewer(request.user.pk, request.session.session_key))
    return await page_stream(request, viewer, pk)
