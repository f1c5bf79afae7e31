"""The base of all endpoints. Objects of other users are treated as missing (B55)."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db.models import Model, QuerySet
from django.http import Http404
from django.urls import reverse
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.utils.mediatypes import media_type_matches

from chatapp.api.current_messages import CurrentMessage
from chatapp.api.errors import problem_response
from chatapp.api.idempotency import create_once
from chatapp.api.pagination import CursorPages
from chatapp.api.serializers.runs import AcceptedSerializer
from chatapp.api.serializers.strict import FIELD, PARAMETER, refuse_unknown
from chatapp.chats.models import Message, Session
from runs.errors import BrokerUnavailable
from runs.models import Run


class Endpoint(GenericAPIView):
    pagination_class = None  # each list has its own ordering
    filter_backends = []
    most_bytes: int | None = None  # of a body; None: DATA_UPLOAD_MAX_MEMORY_SIZE

    def initial(self, request: Request, *args, **kwargs) -> None:
        super().initial(request, *args, **kwargs)
        refuse_too_large(request.META.get("CONTENT_LENGTH"), self.most_bytes)
        # A chunked body has no length; DRF would treat it as empty.
        if "CONTENT_LENGTH" not in request.META and "HTTP_TRANSFER_ENCODING" in request.META:
            request.META["CONTENT_LENGTH"] = str(len(request.body))
        self.refuse_unknown(request)

    def refuse_unknown(self, request: Request) -> None:
        """Refuse query parameters and, where no body is expected, members of a body that have no effect."""
        handler = getattr(self, request.method.lower(), None)
        if handler is None:  # 405 follows
            return
        query_class, body_class = getattr(handler, "query_class", None), getattr(handler, "body_class", None)
        refuse_unknown(request.query_params, query_class().fields if query_class else (), PARAMETER)
        if body_class is None and request.method not in SAFE_METHODS and is_json(request):
            if isinstance(request.data, dict):
                refuse_unknown(request.data, (), FIELD)
            elif request.data is not None:
                raise ValidationError({api_settings.NON_FIELD_ERRORS_KEY: ["No body is expected here."]})

    def validated_body(self, request: Request, **options) -> dict:
        """The fields of the body, validated by the endpoint's serializer."""
        serializer = self.get_serializer(data=request.data, **options)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def validated_query(self, request: Request) -> dict:
        """The query, validated by the operation's serializer of it. The last of repeated parameters counts."""
        serializer = getattr(self, request.method.lower()).query_class(data=dict(request.query_params.items()))
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def create_once(
        self, request: Request, body: object, make: Callable[[], Model], queryset: QuerySet | None = None
    ) -> Model:
        """Create an object with `make()`, only once per idempotency key. See `idempotency.create_once`."""
        return create_once(request, body, make, self.get_queryset() if queryset is None else queryset)

    def list_response(
        self, request: Request, queryset: QuerySet, ordering: list[str], limit: int, prepare=None
    ) -> Response:
        """A page of a list; `prepare` is called with its rows before they are serialized."""
        pages = CursorPages(limit, *ordering)
        rows = pages.paginate_queryset(queryset, request, self)
        return pages.get_paginated_response(self.get_serializer(prepare(rows) if prepare else rows, many=True).data)


def is_json(request: Request) -> bool:
    """Whether there is a body that says it is JSON."""
    has_body = (request.META.get("CONTENT_LENGTH") or "0") != "0"
    return has_body and media_type_matches("application/json", request.content_type or "")


def refuse_too_large(length: str | None, most: int | None = None) -> None:
    """Raise RequestDataTooBig, even for a body that is not read."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE if most is None else most
    if length and length.isdecimal() and int(length) > most:
        raise RequestDataTooBig


class SessionEndpoint(Endpoint):
    """An endpoint of one session."""

    def get_queryset(self):
        return Session.objects.visible_to(self.request.user)


class MessageEndpoint(Endpoint):
    """An endpoint of one message."""

    def get_queryset(self):
        sessions = Session.objects.visible_to(self.request.user)
        return Message.objects.filter(session__in=sessions).select_related("session", "parent")


def visible_runs(user) -> QuerySet[Run]:
    """The runs that a user may see, with all related rows that their representation needs."""
    runs = Run.objects.visible_to(user)
    return runs.select_related("model", "message__parent", "message__session", "session", "stop_requested_by")


class RunEndpoint(Endpoint):
    """An endpoint of one run."""

    def get_queryset(self):
        return visible_runs(self.request.user)


class NotFoundEndpoint(Endpoint):
    """Any other URL below /api/."""

    schema = None

    def refuse_unknown(self, request: Request) -> None:
        """Nothing is known here."""

    def initial(self, request: Request, *args, **kwargs) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404


def accepted_response(run: Run) -> Response:
    """202 with the message and the run that answers it; 503 with both if the run could not be enqueued."""
    body = AcceptedSerializer({"message": CurrentMessage.of(run.message.parent), "run": run}).data
    if run.code == BrokerUnavailable.code:
        return problem_response(BrokerUnavailable(), **body)
    return Response(body, status=202, headers={"Location": reverse("api:run", args=[run.pk])})
