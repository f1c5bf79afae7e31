"""The models of this site, and the user of the token."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.accounts.people import rename
from chatapp.api.operations import operation
from chatapp.api.serializers.chats import PageSerializer
from chatapp.api.serializers.site import PREFERENCES, MeSerializer, ModelSerializer
from chatapp.api.views.endpoint import Endpoint
from chatapp.chats.models import Preferences
from runs.errors import ModelUnknown
from runs.models import Model


class Models(Endpoint):
    serializer_class = ModelSerializer

    @operation("list_models", "List models by name", ModelSerializer, query=PageSerializer, is_list=True)
    def get(self, request: Request) -> Response:
        """Those that you may use. `name` is what requests give as `model`."""
        return self.list_response(
            request, Model.objects.for_chats_of(request.user), ["name"], self.validated_query(request)["limit"]
        )


class Me(Endpoint):
    serializer_class = MeSerializer

    @operation("read_me", "Read the user of the token", MeSerializer)
    def get(self, request: Request) -> Response:
        """With the preferences that pages share, and the limits that apply."""
        return Response(self._me(request))

    @operation("change_me", "Change your preferences", MeSerializer, body=MeSerializer, errors=[ModelUnknown])
    def patch(self, request: Request) -> Response:
        """Missing fields are kept."""
        body = self.validated_body(request, partial=True)
        if "name" in body:
            rename(request.user, body["name"])
        if chosen := {name: body[name] for name in PREFERENCES if name in body}:
            Preferences.objects.update_or_create(user=request.user, defaults=chosen)
        return Response(self._me(request))

    def _me(self, request: Request) -> dict:
        user = request.user
        preferences = Preferences.objects.filter(user=user).first() or Preferences(user=user)
        limits = {
            "runs": settings.USER_MAX_RUNS,
            "sends_a_minute": settings.USER_MAX_SENDS,
            "schedules": settings.USER_MAX_SCHEDULES,
            "prompt_characters": settings.PROMPT_MAX_CHARACTERS,
        }
        me = {"username": user.username, "name": user.first_name, "staff": user.is_staff, "limits": limits}
        return self.get_serializer(me | {name: getattr(preferences, name) for name in PREFERENCES}).data
