"""What the endpoints have in common. What is another user's is answered like what does not exist (B55)."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db.models import Model, QuerySet
from django.http import Http404
from django.urls import reverse
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.api.errors import problem_response
from chatapp.api.idempotency import once
from chatapp.api.pagination import Pages
from chatapp.api.serializers.runs import AcceptedSerializer
from chatapp.chats.models import Message, Session
from runs.errors import BrokerUnavailable
from runs.models import Run


class Endpoint(GenericAPIView):
    pagination_class = None  # an endpoint that lists says how it orders
    filter_backends = []
    asked_class = None  # the serializer of a GET's query

    def initial(self, request: Request, *args, **kwargs) -> None:
        super().initial(request, *args, **kwargs)
        refuse_too_large(request.META.get("CONTENT_LENGTH"))
        # A body sent in chunks has no length, and the framework would take it for none at all.
        if "CONTENT_LENGTH" not in request.META and "HTTP_TRANSFER_ENCODING" in request.META:
            request.META["CONTENT_LENGTH"] = str(len(request.body))

    def taken(self, request: Request, **options) -> dict:
        """The fields of the body, checked by the endpoint's serializer."""
        serializer = self.get_serializer(data=request.data, **options)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def asked(self, request: Request) -> dict:
        """The query, checked by `asked_class`. Of what is said twice the last counts; what nobody knows is refused."""
        serializer = self.asked_class(data=dict(request.query_params.items()))
        if unknown := request.query_params.keys() - serializer.fields.keys():
            raise ValidationError({name[:100]: ["There is no such parameter."] for name in sorted(unknown)})
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def once(self, request: Request, taken: object, make: Callable[[], Model], found: QuerySet | None = None) -> Model:
        """What `make()` makes; made once, if the client says so by a key. From `found`, or the endpoint's own."""
        return once(request, taken, make, self.get_queryset() if found is None else found)

    def listed(self, request: Request, queryset: QuerySet, ordering: list[str], limit: int, prepare=None) -> Response:
        """A page of a list; `prepare` gets the rows before they are told."""
        pages = Pages(limit, *ordering)
        rows = pages.paginate_queryset(queryset, request, self)
        return pages.get_paginated_response(self.get_serializer(prepare(rows) if prepare else rows, many=True).data)


def refuse_too_large(length: str | None) -> None:
    """Raise RequestDataTooBig, whether or not anybody would read the body."""
    if length and length.isdecimal() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise RequestDataTooBig


class OfSession(Endpoint):
    """An endpoint of one session."""

    def get_queryset(self):
        return Session.objects.visible_to(self.request.user)


class OfMessage(Endpoint):
    """An endpoint of one message."""

    def get_queryset(self):
        sessions = Session.objects.visible_to(self.request.user)
        return Message.objects.filter(session__in=sessions).select_related("session", "parent")


def runs_of(user) -> QuerySet[Run]:
    """The runs that a user may see, with what is told of them."""
    runs = Run.objects.visible_to(user)
    return runs.select_related("model", "message__parent", "message__session", "session", "stop_requested_by")


class OfRun(Endpoint):
    """An endpoint of one run."""

    def get_queryset(self):
        return runs_of(self.request.user)


class Missing(Endpoint):
    """Every other address below /api/."""

    schema = None

    def initial(self, request: Request, *args, **kwargs) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404


def accepted(run: Run) -> Response:
    """202 with the question and the run that answers it; 503 with both if no worker could be told."""
    body = AcceptedSerializer({"message": run.message.parent, "run": run}).data
    if run.code == BrokerUnavailable.code:
        return problem_response(BrokerUnavailable(), **body)
    return Response(body, status=202, headers={"Location": reverse("api:run", args=[run.pk])})
