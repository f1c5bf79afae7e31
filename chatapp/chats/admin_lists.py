"""The admin's lists of what there may be millions of."""

from collections.abc import Sequence

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.utils.functional import cached_property

MOST_COUNTED = 1_000  # rows: counting more takes longer than showing them, for a number nobody needs
PAGE_ROWS = 50  # drawing a row costs the admin about a millisecond
MOST_OWNERS = 100  # users whose things are searched for by their owners' ids


class BoundedPaginator(Paginator):
    """Counts to MOST_COUNTED and goes no further. What lies behind is found by asking more narrowly."""

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by()[:MOST_COUNTED].count()


class LeanList(ChangeList):
    """Finds the ids of a page first, and reads only the rows of these, with all that they show.

    In one query, the database may carry the joined rows of everything that matches through a sort.
    """

    def get_results(self, request) -> None:
        super().get_results(request)
        ids = list(self.result_list.values_list("pk", flat=True))
        self.result_list = self.queryset.filter(pk__in=ids).defer(*self.model_admin.not_listed)


class LongListAdmin(admin.ModelAdmin):
    """For `sortable_by` name what has an index: by anything else, all rows would have to be sorted."""

    show_facets = admin.ShowFacets.NEVER  # each would count the table
    paginator, list_per_page, list_max_show_all = BoundedPaginator, PAGE_ROWS, PAGE_ROWS
    not_listed: Sequence[str] = ()  # fields that the list does not read

    def get_changelist(self, request, **kwargs):
        return LeanList


def owners_called(term: str) -> list[int]:
    """Users with this in their names: the database knows how much is whose, and not what "contains" would find.

    None, where there are more than MOST_OWNERS of them.
    """
    named = get_user_model().objects.filter(username__icontains=term).values_list("pk", flat=True)
    found = list(named[: MOST_OWNERS + 1]) if term else []
    return found if len(found) <= MOST_OWNERS else []
