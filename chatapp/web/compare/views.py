"""The pages of comparisons. Every one works without JavaScript; with it the same views answer with the panes anew."""

from collections.abc import Callable
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chatapp.accounts.throttles import throttled_export
from chatapp.compare import actions
from chatapp.compare.errors import Refusal
from chatapp.compare.export import file_name_of, markdown_of
from chatapp.compare.models import Comparison, Pane
from chatapp.compare.panes import views_of
from chatapp.compare.scoreboard import ballots_of, standings
from chatapp.web.compare.forms import ComparisonForm, ContenderFormSet, empty_contenders, key_of
from chatapp.web.shell.decorators import is_fetch, private, private_object
from runs.errors import ModelMissing, RunError
from runs.models import Model

PAGE_COMPARISONS = 30
BAD_FORM = 422


def _panes(user: AbstractBaseUser) -> QuerySet[Pane]:
    return Pane.objects.visible_to(user).select_related("comparison", "session")


@require_http_methods(["GET", "POST"])
@private
def create_comparison(request: HttpRequest) -> HttpResponse:
    """GET shows the form, POST starts a comparison."""
    if request.method == "GET":
        return _form(request, ComparisonForm(), empty_contenders(_like(request)))
    form, contenders = ComparisonForm(request.POST), ContenderFormSet(request.POST, prefix="c")
    if not (form.is_valid() & contenders.is_valid()):
        return _form(request, form, contenders, status=BAD_FORM)
    try:
        comparison = actions.compare(
            request.user,
            form.cleaned_data["prompt"],
            contenders.chosen,
            is_blind=form.cleaned_data["is_blind"],
            is_sequential=form.cleaned_data["order"] == "sequential",
            key=key_of(form, contenders),
        )
    except RunError as error:
        form.add_error(None, error.message)
        return _form(request, form, contenders, status=BAD_FORM)
    return redirect("comparison", comparison.pk)


def _like(request: HttpRequest) -> Comparison | None:
    """The comparison whose contenders are to be asked something else."""
    try:
        pk = UUID(request.GET.get("like", ""))
    except ValueError:
        return None
    return Comparison.objects.visible_to(request.user).filter(pk=pk).first()


def _form(request: HttpRequest, form: ComparisonForm, contenders, status: int = 200) -> HttpResponse:
    missing = None if Model.objects.filter(enabled=True).exists() else ModelMissing()
    context = {"form": form, "contenders": contenders, "missing": missing}
    return render(request, "compare/start.html", context, status=status)


@require_GET
@private
def show_comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The page; its script gets the panes only. Without the script each visit keeps the answers going for a while."""
    found = _find(request, pk)
    actions.look_at(found)
    return _shown(request, found)


def _shown(request: HttpRequest, found: Comparison, error: str = "", status: int = 200) -> HttpResponse:
    views = views_of(found)
    context = {
        "comparison": found,
        "views": views,
        "is_active": any(view.is_active for view in views),
        "may_close": len(views) > actions.LEAST_PANES and not found.is_decided,
        "error": error,
    }
    template = "compare/panes.html" if is_fetch(request) else "compare/comparison.html"
    return render(request, template, context, status=status)


@require_POST
@private
def stop_comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _find(request, pk)
    return _change(request, found, lambda: actions.stop_all(found, by=request.user))


@require_POST
@private
def vote_on_comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _find(request, pk)
    return _change(request, found, lambda: actions.vote(found, request.POST.get("choice", "")))


@require_http_methods(["GET", "POST"])
@private
def delete_comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET asks whether it is meant."""
    found = _find(request, pk)
    if request.method == "GET":
        return render(request, "compare/delete.html", {"comparison": found})
    actions.delete(found, by=request.user)
    return redirect("comparisons")


@require_GET
@private
@throttled_export
def export_comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The comparison as a file of Markdown; names are in it only once they are told."""
    found = _find(request, pk)
    response = HttpResponse(markdown_of(found), content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name_of(found)}"'
    return response


@require_GET
@private
def list_comparisons(request: HttpRequest) -> HttpResponse:
    """The history."""
    found = Comparison.objects.visible_to(request.user).select_related("winner").prefetch_related("panes")
    page = Paginator(found, PAGE_COMPARISONS).get_page(request.GET.get("page"))
    return render(request, "compare/history.html", {"page": page})


@require_GET
@private
def show_scoreboard(request: HttpRequest) -> HttpResponse:
    blind_only = request.GET.get("votes") != "all"
    board = standings(ballots_of(request.user, blind_only=blind_only))
    return render(request, "compare/scoreboard.html", {"board": board, "blind_only": blind_only})


@require_POST
@private_object(_panes)
def stop_pane(request: HttpRequest, pane: Pane) -> HttpResponse:
    return _change(request, pane.comparison, lambda: actions.stop_pane(pane, by=request.user))


@require_POST
@private_object(_panes)
def close_pane(request: HttpRequest, pane: Pane) -> HttpResponse:
    return _change(request, pane.comparison, lambda: actions.close(pane, by=request.user))


@require_POST
@private_object(_panes)
def reroll_pane(request: HttpRequest, pane: Pane) -> HttpResponse:
    return _change(request, pane.comparison, lambda: actions.reroll(pane, by=request.user))


@require_POST
@private_object(_panes)
def continue_pane(request: HttpRequest, pane: Pane) -> HttpResponse:
    """To the chat that becomes of the pane."""
    try:
        session = actions.go_on_with(pane)
    except Refusal as refusal:
        return _refused(request, pane.comparison, refusal, refusal.status)
    return redirect(f"{reverse('session', args=[session.pk])}#end")


def _find(request: HttpRequest, pk: UUID) -> Comparison:
    return get_object_or_404(Comparison.objects.visible_to(request.user), pk=pk)


def _change(request: HttpRequest, found: Comparison, work: Callable[[], object]) -> HttpResponse:
    """Do it and show what has become of the comparison; what is refused is said, with its status."""
    try:
        work()
    except Refusal as refusal:
        return _refused(request, found, refusal, refusal.status)
    except RunError as error:
        return _refused(request, found, error, BAD_FORM)
    if is_fetch(request):
        found.refresh_from_db()
        return _shown(request, found)
    return redirect("comparison", found.pk)


def _refused(request: HttpRequest, found: Comparison, error: Refusal | RunError, status: int) -> HttpResponse:
    if is_fetch(request):
        return JsonResponse({"code": error.code, "message": error.message}, status=status)
    found.refresh_from_db()
    return _shown(request, found, error.message, status)
