"""A user's favourite models, which the picker lists first."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from chatapp.web.shell.decorators import is_fetch, post_only, private
from runs.models import Model


@post_only
@private
def set_favourite(request: HttpRequest) -> HttpResponse:
    """Add `model` to the favourites, or remove it (`off`). 404 if the user may not use it."""
    name = request.POST.get("model", "").replace("\0", "")[:100]
    model = get_object_or_404(Model.objects.usable_by(request.user), name=name)
    if request.POST.get("off"):
        model.favourite_of.remove(request.user)
    else:
        model.favourite_of.add(request.user)
    return HttpResponse(status=204) if is_fetch(request) else redirect("home")
