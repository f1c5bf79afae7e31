"""The page of webhooks. A secret is displayed once, when it is created; the API never returns one."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from chatapp.web.shell.decorators import post_only, private, private_object
from chatapp.web.shell.shown_once import carried, carry, shown
from chatapp.webhooks import actions
from chatapp.webhooks.client import address_fault
from chatapp.webhooks.models import ENDS, Delivery, Endpoint, all_ends

SHOWN_DELIVERIES = 10  # of each endpoint


@dataclass
class EndpointRow:
    endpoint: Endpoint
    deliveries: list[Delivery]  # the latest

    @classmethod
    def of(cls, endpoint: Endpoint) -> "EndpointRow":
        return cls(endpoint, list(endpoint.deliveries.order_by("-created_at")[:SHOWN_DELIVERIES]))


class EndpointForm(forms.Form):
    url = forms.CharField(label="URL", max_length=500, widget=forms.URLInput(attrs={"placeholder": "https://"}))
    ends = forms.MultipleChoiceField(
        label="Send when an answer is", choices=ENDS, initial=all_ends, widget=forms.CheckboxSelectMultiple
    )

    def clean_url(self) -> str:
        if wrong := address_fault(self.cleaned_data["url"]):
            raise forms.ValidationError(wrong)
        return self.cleaned_data["url"]


def _endpoints(user: AbstractBaseUser) -> QuerySet[Endpoint]:
    return Endpoint.objects.filter(owner=user)


@require_http_methods(["GET", "POST"])
@private
def list_webhooks(request: HttpRequest) -> HttpResponse:
    """The user's endpoints and their latest deliveries; POST creates an endpoint and displays its secret."""
    form = EndpointForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return shown(request, _page(request, form, status=422 if form.errors else 200, secret=carried(request)))
    try:
        endpoint = actions.make_endpoint(request.user, **form.cleaned_data)
    except actions.TooManyEndpoints:
        messages.error(request, f"You have reached the limit of {actions.MAX_ENDPOINTS} webhooks. Delete one first.")
        return redirect("webhooks")
    return _with_secret(request, endpoint)


def _page(request: HttpRequest, form: EndpointForm, status: int = 200, **context: object) -> HttpResponse:
    rows = [EndpointRow.of(endpoint) for endpoint in _endpoints(request.user).order_by("created_at")]
    context = {"form": form, "rows": rows, "page_name": "settings", **context}
    return render(request, "webhooks/webhooks.html", context, status=status)


def _with_secret(request: HttpRequest, endpoint: Endpoint) -> HttpResponse:
    label = f"Secret for {endpoint.url}. Copy it now: it won’t be shown again."
    return carry(request, redirect("webhooks"), id="secret", label=label, value=endpoint.secret)


@post_only
@private_object(_endpoints)
def switch_off_webhook(request: HttpRequest, endpoint: Endpoint) -> HttpResponse:
    actions.switch_off(endpoint)
    messages.success(request, "Webhook disabled.")
    return redirect("webhooks")


@post_only
@private_object(_endpoints)
def switch_on_webhook(request: HttpRequest, endpoint: Endpoint) -> HttpResponse:
    actions.switch_on(endpoint)
    messages.success(request, "Webhook enabled.")
    return redirect("webhooks")


@post_only
@private_object(_endpoints)
def renew_webhook_secret(request: HttpRequest, endpoint: Endpoint) -> HttpResponse:
    """Replace a secret that was lost or leaked."""
    actions.renew_secret(endpoint)
    return _with_secret(request, endpoint)


@post_only
@private_object(_endpoints)
def delete_webhook(request: HttpRequest, endpoint: Endpoint) -> HttpResponse:
    endpoint.delete()
    messages.success(request, "Webhook deleted.")
    return redirect("webhooks")
