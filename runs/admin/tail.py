"""The live tail of a running run's stream, for staff: the same `follow()` that readers have."""

from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from runs.models import Run
from streams.access import Viewer, identify
from streams.sse import event_stream


class StaffViewer(Viewer):
    """Somebody who may look at runs in the admin. Asked again while the tail goes on, as for every reader.

    Not at attached runs: those live on being followed, and an onlooker would keep them alive, or end them by leaving.
    """

    def _may_follow(self, stream: UUID) -> bool:
        user = self._user()
        may_look = user is not None and user.is_staff and user.has_perm("runs.view_run")
        return may_look and Run.objects.filter(pk=stream, viewer_until=None).exists()


@require_GET
async def events(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The run's stream as server-sent events (docs/protocol.md). 404 for everybody else."""
    viewer = await identify(lambda: StaffViewer.of_session(request.user.pk, request.session.session_key))
    return await event_stream(request, viewer, pk)
