"""API tokens: create and revoke."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from chatapp.accounts.models import Token
from chatapp.accounts.tokens import MAX_TOKENS, TooManyTokens, make_token, revoke
from chatapp.web.account.forms import TokenForm
from chatapp.web.account.settings import settings_page
from chatapp.web.shell.decorators import post_only, private


@post_only
@private
def create_token(request: HttpRequest) -> HttpResponse:
    """Respond with the page itself, without a redirect: only a hash is stored, so the token can be shown only now."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return settings_page(request, token_form=form)
    try:
        token, text = make_token(request.user, **form.cleaned_data)
    except TooManyTokens:
        messages.error(request, f"You have reached the limit of {MAX_TOKENS} tokens. Revoke one first.")
        return redirect("settings")
    response = settings_page(request, created_token=token, token_text=text)
    response["Cache-Control"] = "no-store"
    return response


@post_only
@private
def revoke_token(request: HttpRequest, uuid: UUID) -> HttpResponse:
    revoke(get_object_or_404(Token, uuid=uuid, user=request.user))
    messages.success(request, "Token revoked.")
    return redirect("settings")
