"""The admin, whose addresses, filters and fields are read from its own pages: nobody is trusted with a 500."""

import re

from django.urls import get_resolver, reverse

from tests.api.test_access import patterns
from tests.edges import hostile
from tests.edges.filling import FORM, Table, at_length, encoded, loops_go, some
from tests.edges.table import Row

pytestmark = [at_length, loops_go]

FIELD = re.compile(r'<(?:input|select|textarea)[^>]*\bname="([^"]+)"')
DJANGOS_OWN = {  # parameters of a list
    "q", "p", "o", "all", "e", "next", "is_popup", "_popup", "_to_field", "_changelist_filters", "_facets",
}  # fmt: skip
LINK = re.compile(r'href="\?([^"]+)"')


def admin_pages(table: Table) -> list[str]:
    """Every address below /admin/, of the first thing that each list shows."""
    names = {name for path, name, _ in patterns(get_resolver()) if path.startswith("admin/")}
    pages = []
    for name in sorted(names - {"None", "admin:None"}):
        if name.endswith("_changelist"):
            pages += pages_of(table, reverse(name))
        elif name == "admin:app_list":
            pages.append(reverse(name, args=["runs"]))
        elif name == "admin:view_on_site":
            pages.append("/admin/r/1/1/")
        elif not name.endswith(("_add", "_history", "_delete", "_change", "_events", "_user_password_change")):
            pages.append(reverse(name))
    return [*pages, reverse("admin:runs_run_events", args=[table.things["run"]]), "/admin/auth/user/1/password/"]


def pages_of(table: Table, listed: str) -> list[str]:
    body = table.cast["charlie"].ask("GET", listed).body.decode()
    found = re.search(rf'href="{listed}([^"/]+)/change/', body)
    pk = found[1] if found else "1"
    return [listed, f"{listed}add/", *(f"{listed}{pk}/{act}/" for act in ("history", "delete", "change"))]


def test_no_filter_or_search_of_the_admin_is_too_strange(table):
    for page in admin_pages(table):
        row = Row("GET", page, who="charlie")
        body = table.try_(row, "as it is").body.decode(errors="replace")
        names = {link.partition("=")[0] for link in LINK.findall(body)}
        names |= DJANGOS_OWN
        if "autocomplete" in page:
            names |= {"term", "app_label", "model_name", "field_name"}
        for case, value in some(hostile.TEXTS).items():
            for name in sorted(names) if page.count("/") == 4 else ("q", "_to_field", "next"):
                table.try_(row, f"{name} is {case}", query=encoded({name: value}))
            table.try_(row, f"an unknown filter is {case}", query=encoded({"session__owner__password": value}))
        for case, value in some(hostile.FORMS).items():
            table.try_(row, f"the query is {case}", query=value)
    table.assert_nothing_wrong()


def test_no_field_of_the_admins_forms_is_too_strange(table):
    """The form that a page shows, posted with something else in each of its fields."""
    for page in admin_pages(table):
        get, post = Row("GET", page, who="charlie"), Row("POST", page, who="charlie")
        body = table.try_(get, "as it is").body.decode(errors="replace")
        names = sorted(set(FIELD.findall(body)) - {"csrfmiddlewaretoken"})
        if page.count("/") == 4:
            names += ["action", "_selected_action", "confirmed", "select_across", "index"]
        for name in names:
            for case, value in some(hostile.TEXTS).items():
                fields = {**dict.fromkeys(names, b"1"), "confirmed": b"yes", name: value}
                table.try_(post, f"{name} is {case}", headers=[FORM], body=encoded(fields))
        for case, raw in some(hostile.FORMS).items():
            table.try_(post, f"the form is {case}", headers=[FORM], body=raw)
    table.assert_nothing_wrong()


def test_no_path_of_the_admin_is_too_strange(table):
    for page in admin_pages(table):
        for place, part in enumerate(page.split("/")):
            for case, value in some(hostile.PATHS).items() if part and place > 1 else ():
                path = "/".join([*page.split("/")[:place], value, *page.split("/")[place + 1 :]])
                table.try_(Row("GET", page, who="charlie"), f"{part} is {case}", path)
    table.assert_nothing_wrong()
