"""A run's stream as a UI message stream over server-sent events (`docs/aisdk.md`)."""

import orjson
from django.http import HttpResponse

from chatapp.aisdk.ui_messages import start_metadata
from chatapp.aisdk.ui_parts import Part, PartEncoder
from runs.lifecycle.segments import earlier_segments
from runs.models import Run
from streams.access import Viewer
from streams.delivery.hub import EncodedEvent
from streams.transports.sse import EventBody, EventStream, Framing

DONE = b"data: [DONE]\n\n"


class UIMessageFraming(Framing):
    def __init__(self, encoder: PartEncoder) -> None:
        self._encoder = encoder

    def frames(self, events: list[EncodedEvent]) -> bytes:
        logged = [orjson.loads(event.envelope) for event in events if event.seq]  # 0: a control event of the connection
        return _frames(self._encoder.encode((event["kind"], event["data"]) for event in logged))

    def end(self) -> bytes:
        return (b"" if self._encoder.is_over else _frames(self._encoder.interrupt())) + DONE


def ui_message_stream(run: Run, viewer: Viewer, has_body: bool = True) -> HttpResponse:
    """A response that streams `run` from its start to its end. Reads the database."""
    encoder = PartEncoder(str(run.message_id), start_metadata(run), earlier_segments(run))
    response = EventStream(EventBody(viewer, run.pk, 0, UIMessageFraming(encoder)) if has_body else None)
    response["x-vercel-ai-ui-message-stream"] = "v1"
    return response


def _frames(parts: list[Part]) -> bytes:
    return b"".join(b"data: %b\n\n" % orjson.dumps(part) for part in parts)
