"""A run's stream as a UI message stream over server-sent events (`docs/aisdk.md`)."""

import orjson
from django.http import HttpResponse

from chatapp.aisdk.ui_messages import began_with
from chatapp.aisdk.ui_parts import Part, Teller
from runs.lifecycle.segments import earlier_segments
from runs.models import Run
from streams.access import Viewer
from streams.delivery.hub import EncodedEvent
from streams.transports.sse import EventBody, EventStream, Framing

DONE = b"data: [DONE]\n\n"


class UIMessageFraming(Framing):
    def __init__(self, teller: Teller) -> None:
        self._teller = teller

    def frames(self, events: list[EncodedEvent]) -> bytes:
        said = [orjson.loads(event.envelope) for event in events if event.seq]  # 0: a word of the connection
        return _frames(self._teller.tell((event["kind"], event["data"]) for event in said))

    def end(self) -> bytes:
        return (b"" if self._teller.is_over else _frames(self._teller.interrupt())) + DONE


def ui_message_stream(run: Run, viewer: Viewer, has_body: bool = True) -> HttpResponse:
    """The response that tells `run`, an answer that is under way, from its beginning to its end. Reads the database."""
    teller = Teller(str(run.message_id), began_with(run), earlier_segments(run))
    response = EventStream(EventBody(viewer, run.pk, 0, UIMessageFraming(teller)) if has_body else None)
    response["x-vercel-ai-ui-message-stream"] = "v1"
    return response


def _frames(parts: list[Part]) -> bytes:
    return b"".join(b"data: %b\n\n" % orjson.dumps(part) for part in parts)
