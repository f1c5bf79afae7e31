"""What the endpoints have in common. What is another user's is answered like what does not exist (B55)."""

from django.http import Http404
from django.urls import reverse
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.api.errors import problem_response
from chatapp.api.serializers import MessageSerializer, RunSerializer
from chatapp.chats.models import Session
from runs.errors import BrokerUnavailable
from runs.models import Run


class Endpoint(GenericAPIView):
    def initial(self, request: Request, *args, **kwargs) -> None:
        super().initial(request, *args, **kwargs)
        # A body sent in chunks has no length, and the framework would take it for none at all.
        if "CONTENT_LENGTH" not in request.META and "HTTP_TRANSFER_ENCODING" in request.META:
            request.META["CONTENT_LENGTH"] = str(len(request.body))

    def taken(self, request: Request) -> dict:
        """The fields of the body, checked by the endpoint's serializer."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class OfSession(Endpoint):
    """An endpoint of one session."""

    def get_queryset(self):
        return Session.objects.visible_to(self.request.user)


class OfRun(Endpoint):
    """An endpoint of one run."""

    def get_queryset(self):
        runs = Run.objects.visible_to(self.request.user)
        return runs.select_related("model", "message__parent", "session", "stop_requested_by")


class Missing(Endpoint):
    """Every other address below /api/."""

    def initial(self, request: Request, *args, **kwargs) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404


def accepted(run: Run) -> Response:
    """202 with the question and the run that answers it; 503 with both if no worker could be told."""
    body = {"message": MessageSerializer(run.message.parent).data, "run": RunSerializer(run).data}
    if run.code == BrokerUnavailable.code:
        return problem_response(BrokerUnavailable(), **body)
    return Response(body, status=202, headers={"Location": reverse("api:run", args=[run.pk])})
