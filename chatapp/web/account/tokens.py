"""API tokens: create and revoke."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET

from chatapp.accounts.models import Token
from chatapp.accounts.tokens import MAX_TOKENS, TooManyTokens, make_token, revoke, tokens_of
from chatapp.web.account.forms import TokenForm
from chatapp.web.account.settings import settings_page
from chatapp.web.shell.decorators import post_only, private
from chatapp.web.shell.shown_once import carry


@require_GET
@private
def show_developers(request: HttpRequest) -> HttpResponse:
    return _page(request, TokenForm())


def _page(request: HttpRequest, form: TokenForm) -> HttpResponse:
    return settings_page(request, "developers", form, tokens=tokens_of(request.user))


@post_only
@private
def create_token(request: HttpRequest) -> HttpResponse:
    """Only a hash is stored: the token is shown once, on the page that follows."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    try:
        token, text = make_token(request.user, **form.cleaned_data)
    except TooManyTokens:
        messages.error(request, f"You have reached the limit of {MAX_TOKENS} tokens. Revoke one first.")
        return redirect("developers")
    label = f"Token “{token.name}”. Copy it now: it won’t be shown again."
    return carry(request, redirect("developers"), id="new-token", label=label, value=text)


@post_only
@private
def revoke_token(request: HttpRequest, uuid: UUID) -> HttpResponse:
    revoke(get_object_or_404(Token, uuid=uuid, user=request.user))
    messages.success(request, "Token revoked.")
    return redirect("developers")
