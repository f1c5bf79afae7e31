"""Decorators for pages of staff. To everyone else these pages do not exist."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from chatapp.web.account.settings import can_invite
from chatapp.web.shell.decorators import View, private
from runs.upstream.servers.catalog import may_connect, may_manage_models


def _for_users(is_allowed: Callable[[AbstractBaseUser | AnonymousUser], bool]) -> Callable[[View], View]:
    def decorator(view: View) -> View:
        @private
        @wraps(view)
        def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            if not is_allowed(request.user):
                raise Http404
            return view(request, *args, **kwargs)

        return inner

    return decorator


managers_only = _for_users(may_manage_models)
connectors_only = _for_users(may_connect)


def models_page(request: HttpRequest, template: str, context: dict[str, object], status: int = 200) -> HttpResponse:
    """One of the pages about models, within the frame of the settings."""
    frame = {
        "settings_name": "models",
        "page_name": "settings",
        "can_invite": can_invite(request.user),
        "can_manage_models": may_manage_models(request.user),
        "can_connect": may_connect(request.user),
    }
    return render(request, f"providers/{template}.html", frame | context, status=status)
