"""Responses without output (`generate: false`), which a connection keeps to be continued: nothing of them is stored."""

from collections import OrderedDict

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from uuid_utils.compat import uuid7

from chatapp.chats.models import Session
from chatapp.openai.full_stream import RunEvent
from chatapp.openai.model_names import find_model
from chatapp.openai.models import Exchange, Kind
from chatapp.openai.previous_responses import PARAM, run_id_of
from chatapp.openai.response_events import new_fold
from chatapp.openai.response_requests import parse_response_request
from runs.errors import ModelMissing
from runs.models import Model, Run
from streams.events import Kind as EventKind

MAX_PREPARED = 8  # of one connection; the oldest is forgotten


class PreparedResponses:
    """By id: the bodies of requests that were to be prepared only."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[str, dict] = OrderedDict()

    def completed(self, body: dict) -> dict:
        """The request with the input of the prepared response that it continues, in its place."""
        prepared = self._bodies.get(str(body.get(PARAM)))
        if prepared is None:
            return body
        values = {name: value for name, value in body.items() if name != PARAM}
        earlier = {PARAM: prepared[PARAM]} if prepared.get(PARAM) else {}
        return values | earlier | {"input": [*_items(prepared.get("input")), *_items(body.get("input"))]}

    def prepare(self, user: AbstractBaseUser, body: dict) -> list[dict]:
        """The events of a response without output. Reads the database. Raises what refuses the request."""
        parsed = parse_response_request(body if body.get("input") else body | {"input": "-"})
        model = find_model(parsed.model, user) if parsed.model else Model.objects.for_chats_of(user).first()
        if model is None:
            raise ModelMissing
        run = Run(id=uuid7(), session=Session(owner_id=user.pk, is_listed=False), queued_at=timezone.now())
        echo = parsed.echo | {"model": model.name}
        exchange = Exchange(
            run=run, kind=Kind.RESPONSE, echo=echo, is_stored=False, previous=run_id_of(str(body.get(PARAM)))
        )
        self._bodies[exchange.response_id] = body
        if len(self._bodies) > MAX_PREPARED:
            self._bodies.popitem(last=False)
        fold = new_fold(exchange)
        ended = RunEvent(2, EventKind.COMPLETED, {"finish_reason": "stop"})
        return [*fold.apply(RunEvent(1, EventKind.QUEUED, {})), *fold.apply(ended, timezone.now())]


def _items(value: object) -> list:
    """The items of a request's `input`."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}] if value else []
    return value if isinstance(value, list) else []
