"""Admin change lists for tables of millions of rows."""

from collections.abc import Sequence

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.utils.functional import cached_property

MAX_COUNTED = 1_000  # rows; counting further would take longer than showing the page
PAGE_ROWS = 50  # drawing a row costs the admin about a millisecond
MAX_OWNERS = 100  # users; a search term may match up to this many owners


class BoundedPaginator(Paginator):
    """Counts up to MAX_COUNTED rows. Rows beyond that are reached by narrower filters."""

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by()[:MAX_COUNTED].count()


class LeanList(ChangeList):
    """Selects the ids of a page first, then reads only these rows with their joins.

    In a single query the database may carry the joined rows of every match through a sort.
    """

    def get_results(self, request) -> None:
        super().get_results(request)
        ids = list(self.result_list.values_list("pk", flat=True))
        self.result_list = self.queryset.filter(pk__in=ids).defer(*self.model_admin.not_listed)


class LongListAdmin(admin.ModelAdmin):
    """Name only indexed columns in `sortable_by`: any other order sorts the whole table."""

    show_facets = admin.ShowFacets.NEVER  # each counts the table
    paginator, list_per_page, list_max_show_all = BoundedPaginator, PAGE_ROWS, PAGE_ROWS
    not_listed: Sequence[str] = ()  # fields the list does not read

    def get_changelist(self, request, **kwargs):
        return LeanList


def owners_named(term: str) -> list[int]:
    """Ids of users whose name contains `term`; empty if there are more than MAX_OWNERS.

    Filtering by ids lets the database use the owner index, whose statistics it has.
    """
    named = get_user_model().objects.filter(username__icontains=term).values_list("pk", flat=True)
    owners = list(named[: MAX_OWNERS + 1]) if term else []
    return owners if len(owners) <= MAX_OWNERS else []
