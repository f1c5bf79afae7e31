"""Every page of a comparison, asked as alice (whose it is), bob, charlie (staff) and nobody (B55)."""

import pytest
from django.urls import reverse

from chatapp.compare.models import Comparison, Pane
from chatapp.web.compare.urls import urlpatterns
from runs.lifecycle import transitions
from runs.models import Run
from runs.states import LostReason

pytestmark = pytest.mark.one_database

COMPARISON_PAGES = {
    "comparison": "get",
    "export_comparison": "get",
    "stop_all": "post",
    "resume_all": "post",
    "vote": "post",
    "delete_comparison": "post",
}
PANE_PAGES = ["stop_pane", "close_pane", "reroll_pane", "resume_pane", "go_on_with_pane"]
OWN_PAGES = ["compare", "comparisons", "scoreboard"]
NAMES = [*COMPARISON_PAGES, *PANE_PAGES]


@pytest.fixture
def comparison(compare, write):
    """All have ended, one of them early, so that everything could be done to it that somebody may do."""
    comparison = compare("A secret of alice", is_blind=False)
    early, *others = comparison.panes.all()
    transitions.lose(write(early, "a").pk, LostReason.LEASE)
    for pane in others:
        transitions.complete(write(pane, "b").pk, "stop")
    return comparison


def ask(client, name: str, comparison: Comparison):
    pk = comparison.pk if name in COMPARISON_PAGES else comparison.panes.first().pk
    return getattr(client, COMPARISON_PAGES.get(name, "post"))(reverse(name, args=[pk]), {"choice": "A"})


def everything() -> list[tuple]:
    """What alice has, as somebody else might have changed it."""
    runs = Run.objects.order_by("id").values_list("id", "status", "stop_requested_at", "viewer_until")
    panes = Pane.objects.order_by("id").values_list("id", "run", "closed_at", "session__is_listed")
    return [*Comparison.objects.values_list("id", "voted_at", "winner"), *panes, *runs]


def test_every_page_is_asked_here():
    assert {pattern.name for pattern in urlpatterns} == {*NAMES, *OWN_PAGES}


@pytest.mark.parametrize("name", NAMES)
def test_alice_reaches_what_is_hers(name, log_in, alice, comparison):
    assert ask(log_in(alice), name, comparison).status_code in (200, 302)


@pytest.mark.parametrize("name", NAMES)
def test_others_are_told_that_there_is_nothing_and_change_nothing(name, log_in, bob, charlie, comparison):
    before = everything()
    for person in (bob, charlie):
        assert ask(log_in(person), name, comparison).status_code == 404
    nobody = ask(log_in(None), name, comparison)
    if nobody.status_code == 401:  # the log-in form, which carries what was posted
        assert 'name="password"' in nobody.text
    else:
        assert nobody.url.startswith("/login?next=")
    assert everything() == before


def test_lists_are_one_s_own(log_in, bob, charlie, comparison):
    for person in (bob, charlie):
        for name in OWN_PAGES:
            page = log_in(person).get(reverse(name))
            assert page.status_code == 200
            assert "A secret" not in page.content.decode()
    assert all(log_in(None).get(reverse(name)).status_code == 302 for name in OWN_PAGES)


def test_staff_see_comparisons_in_the_admin_and_change_none(log_in, charlie, comparison):
    client = log_in(charlie)
    assert client.get("/admin/compare/comparison/").status_code == 200
    detail = f"/admin/compare/comparison/{comparison.pk}/change/"
    assert "A secret of alice" in client.get(detail).content.decode()
    assert client.post(detail, {"prompt": "Changed"}).status_code == 403
