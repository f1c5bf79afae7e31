"""The pages of comparisons. All work without JavaScript; for the page's script, views respond with the panes."""

from collections.abc import Callable
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from chatapp.accounts.throttles import throttled_export
from chatapp.compare import actions
from chatapp.compare.errors import Refusal
from chatapp.compare.export import file_name_of, markdown_of
from chatapp.compare.models import Comparison, Pane
from chatapp.compare.panes import views_of
from chatapp.compare.scoreboard import ballots_of, standings
from chatapp.web.compare.forms import ComparisonForm, Contenders, empty_contenders, idempotency_key, posted_contenders
from chatapp.web.shell.decorators import is_fetch, post_only, private, private_object
from chatapp.web.shell.model_options import grouped, usable_models
from runs.errors import ModelMissing, RunError

PAGE_COMPARISONS = 30
BAD_FORM = 422


def _panes(user: AbstractBaseUser) -> QuerySet[Pane]:
    return Pane.objects.visible_to(user).select_related("comparison", "session")


@require_http_methods(["GET", "POST"])
@private
def create_comparison(request: HttpRequest) -> HttpResponse:
    """GET displays the form; POST starts a comparison."""
    if request.method == "GET":
        models = usable_models(request.user)
        return _form_page(request, ComparisonForm(), empty_contenders(models, _template_comparison(request)))
    form, contenders = ComparisonForm(request.POST), posted_contenders(request.POST, usable_models(request.user))
    if not (form.is_valid() & contenders.is_valid()):
        return _form_page(request, form, contenders, status=BAD_FORM)
    try:
        comparison = actions.compare(
            request.user,
            form.cleaned_data["prompt"],
            contenders.chosen,
            is_blind=form.cleaned_data["is_blind"],
            is_sequential=form.cleaned_data["order"] == "sequential",
            key=idempotency_key(form, contenders),
        )
    except RunError as error:
        form.add_error(None, error.message)
        return _form_page(request, form, contenders, status=BAD_FORM)
    return redirect("comparison", comparison.pk)


def _template_comparison(request: HttpRequest) -> Comparison | None:
    """The comparison whose contenders fill in the form (`?like=`)."""
    try:
        pk = UUID(request.GET.get("like", ""))
    except ValueError:
        return None
    return Comparison.objects.visible_to(request.user).filter(pk=pk).first()


def _form_page(request: HttpRequest, form: ComparisonForm, contenders: Contenders, status: int = 200) -> HttpResponse:
    models = usable_models(request.user)
    context = {
        "form": form,
        "contenders": contenders,
        "missing": None if models else ModelMissing(),
        "groups": grouped(models, request.user),
    }
    return render(request, "compare/start.html", context, status=status)


@require_GET
@private
def show_comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The page; for its script, only the panes. Without a script, each visit keeps the answers running for a while."""
    comparison = _find(request, pk)
    actions.renew_attached(comparison)
    return _page(request, comparison)


def _page(request: HttpRequest, comparison: Comparison, error: str = "", status: int = 200) -> HttpResponse:
    views = views_of(comparison)
    context = {
        "comparison": comparison,
        "views": views,
        "is_active": any(view.is_active for view in views),
        "interrupted": sum(view.pane.was_interrupted for view in views),
        "may_close": len(views) > actions.LEAST_PANES and not comparison.is_decided,
        "error": error,
    }
    template = "compare/panes.html" if is_fetch(request) else "compare/comparison.html"
    return render(request, template, context, status=status)


@post_only
@private
def stop_comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    comparison = _find(request, pk)
    return _change(request, comparison, lambda: actions.stop_all(comparison, by=request.user))


@post_only
@private
def resume_comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    comparison = _find(request, pk)
    return _change(request, comparison, lambda: actions.resume_all(comparison, by=request.user))


@post_only
@private
def vote_on_comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    comparison = _find(request, pk)
    return _change(request, comparison, lambda: actions.vote(comparison, request.POST.get("choice", "")))


@require_http_methods(["GET", "POST"])
@private
def delete_comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET asks for confirmation."""
    comparison = _find(request, pk)
    if request.method == "GET":
        return render(request, "compare/delete.html", {"comparison": comparison})
    actions.delete(comparison, by=request.user)
    return redirect("comparisons")


@require_GET
@private
@throttled_export
def export_comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Download the comparison as Markdown; model names are in it only once they are revealed."""
    comparison = _find(request, pk)
    response = HttpResponse(markdown_of(comparison), content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name_of(comparison)}"'
    return response


@require_GET
@private
def list_comparisons(request: HttpRequest) -> HttpResponse:
    visible = Comparison.objects.visible_to(request.user).select_related("winner").prefetch_related("panes")
    page = Paginator(visible, PAGE_COMPARISONS).get_page(request.GET.get("page"))
    return render(request, "compare/history.html", {"page": page})


@require_GET
@private
def show_scoreboard(request: HttpRequest) -> HttpResponse:
    blind_only = request.GET.get("votes") != "all"
    board = standings(ballots_of(request.user, blind_only=blind_only))
    return render(request, "compare/scoreboard.html", {"board": board, "blind_only": blind_only})


@post_only
@private_object(_panes)
def stop_pane(request: HttpRequest, pane: Pane) -> HttpResponse:
    return _change(request, pane.comparison, lambda: actions.stop_pane(pane, by=request.user))


@post_only
@private_object(_panes)
def close_pane(request: HttpRequest, pane: Pane) -> HttpResponse:
    return _change(request, pane.comparison, lambda: actions.close(pane, by=request.user))


@post_only
@private_object(_panes)
def reroll_pane(request: HttpRequest, pane: Pane) -> HttpResponse:
    return _change(request, pane.comparison, lambda: actions.reroll(pane, by=request.user))


@post_only
@private_object(_panes)
def resume_pane(request: HttpRequest, pane: Pane) -> HttpResponse:
    """Continue the answer where it ended."""
    return _change(request, pane.comparison, lambda: actions.resume(pane, by=request.user))


@post_only
@private_object(_panes)
def continue_pane(request: HttpRequest, pane: Pane) -> HttpResponse:
    """Turn the pane into a chat and go there."""
    try:
        session = actions.continue_as_chat(pane)
    except Refusal as refusal:
        return _error_response(request, pane.comparison, refusal, refusal.status)
    return redirect(f"{reverse('session', args=[session.pk])}#end")


def _find(request: HttpRequest, pk: UUID) -> Comparison:
    return get_object_or_404(Comparison.objects.visible_to(request.user), pk=pk)


def _change(request: HttpRequest, comparison: Comparison, work: Callable[[], object]) -> HttpResponse:
    """Call `work` and display the comparison, or the error with its status."""
    try:
        work()
    except Refusal as refusal:
        return _error_response(request, comparison, refusal, refusal.status)
    except RunError as error:
        return _error_response(request, comparison, error, BAD_FORM)
    if is_fetch(request):
        comparison.refresh_from_db()
        return _page(request, comparison)
    return redirect("comparison", comparison.pk)


def _error_response(
    request: HttpRequest, comparison: Comparison, error: Refusal | RunError, status: int
) -> HttpResponse:
    if is_fetch(request):
        return JsonResponse({"code": error.code, "message": error.message}, status=status)
    comparison.refresh_from_db()
    return _page(request, comparison, error.message, status)
