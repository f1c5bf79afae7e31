"""The pages of comparisons, as a browser without JavaScript and as the page's script ask for them."""

import html
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db.models import F
from django.urls import reverse

from chatapp.compare import actions, errors
from chatapp.compare.contenders import Contender
from chatapp.compare.models import Comparison
from runs.lifecycle import transitions
from runs.models import Model, Run
from runs.rendering.stretches import stretched
from runs.states import LostReason
from streams.events import Kind
from streams.log import store
from tests.harness.rendering import make_html

pytestmark = pytest.mark.one_database

SCRIPTED = {"X-Requested-With": "fetch"}


def form(*models: str, **values: str) -> dict[str, str]:
    """What the form posts: a model a row, and `c-0-temperature=…`, `order=…`, `is_blind=…`."""
    rows = {f"c-{row}-model": name for row, name in enumerate(models)}
    return {
        "prompt": "Which tree?\r\nAnd why?",
        "order": "parallel",
        "is_blind": "on",
        "key": "k",
        "c-TOTAL_FORMS": "6",
        "c-INITIAL_FORMS": "0",
    } | rows | {name.replace("__", "-"): value for name, value in values.items()}  # fmt: skip


def words(response) -> str:
    """The text of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@pytest.fixture
def browser(log_in, alice, models):
    return log_in(alice)


def page_of(comparison: Comparison) -> str:
    return reverse("comparison", args=[comparison.pk])


def test_the_form_starts_a_comparison_and_leads_to_its_page(browser):
    response = browser.post("/compare", form("betula", "fagus", c__1__temperature="1.5", order="sequential"))
    comparison = Comparison.objects.get()
    assert response.url == page_of(comparison)
    assert (comparison.prompt, comparison.is_blind, comparison.is_sequential) == ("Which tree?\nAnd why?", True, True)
    assert {pane.contender for pane in comparison.panes.all()} == {"Betula Large", "Fagus Mini · temperature 1.5"}
    assert browser.post("/compare", form("betula", "fagus", c__1__temperature="1.5")).url == response.url  # B22
    assert browser.post("/compare", form("betula", "salix")).url != response.url


def test_without_a_tick_names_are_shown_at_once(browser):
    browser.post("/compare", form("betula", "fagus", is_blind=""))
    assert "Betula Large" in words(browser.get(page_of(Comparison.objects.get())))


@pytest.mark.parametrize(
    ("posted", "said"),
    [
        (form("betula"), "Choose at least two models to compare."),
        (form("betula", "betula"), "Two of these are identical."),
        (form("betula", "quercus"), "Choose a model from the list."),
        (form("betula", "fagus", c__2__temperature="1"), "Choose a model for these settings."),
        (form("betula", "fagus", c__0__temperature="9"), "less than or equal to 2"),
        (form("betula", "fagus", c__0__max_tokens="0"), "greater than or equal to 1"),
        (form("betula", "fagus", prompt=" "), "The message is empty."),
        (form("betula", "fagus", prompt="x" * 100_001), "The message is too long: 100,001 characters."),
        (form("betula", "fagus", prompt="a\0b"), "Null characters are not allowed."),
        (form("betula", "fagus", order="sideways"), "sideways is not one of the available choices."),
        ({"prompt": "Nothing else"}, "Choose at least two"),
    ],
)
def test_a_form_that_makes_no_sense_says_why_and_keeps_what_was_typed(browser, posted, said):
    response = browser.post("/compare", posted)
    assert response.status_code == 422
    assert said.lower() in words(response).lower()
    assert not Comparison.objects.exists()
    if len(posted.get("prompt", "")) > 10 and "\0" not in posted["prompt"]:
        assert html.escape(posted["prompt"][:10]) in response.content.decode()


def test_without_a_model_the_form_says_who_can_help(browser):
    Model.objects.update(enabled=False)
    assert "No model is configured yet." in words(browser.get("/compare"))
    assert browser.post("/compare", form()).status_code == 422


def test_the_page_shows_the_text_so_far_and_its_forms(browser, compare, write):  # B56
    comparison = compare("Which <b>tree</b>?", is_sequential=True)
    write(comparison.panes.first(), "The *birch* so far")
    page = browser.get(page_of(comparison))
    text = words(page)
    assert "The *birch* so far" in text
    assert "Which <b>tree</b>?" in text
    assert text.count("Waiting for its turn") == 2
    assert 'http-equiv="refresh"' in page.content.decode()
    for name in ("stop_pane", "close_pane"):
        assert page.content.decode().count(f'formaction="{reverse(name, args=[comparison.panes.first().pk])}"') == 1


def test_final_answers_are_html_with_their_figures_and_no_refresh(browser, compare, write, worker):
    comparison = compare()
    one, other, third = comparison.panes.all()
    run = write(one, "**bold** <script>alert(1)</script>")
    store.append(run.id, (Kind.USAGE, {"prompt_tokens": 3, "completion_tokens": 40}))
    transitions.complete(run.id, "stop")
    end = F("finished_at")
    times = {"started_at": end - timedelta(seconds=2), "first_token_at": end - timedelta(seconds=1)}
    Run.objects.filter(pk=run.id).update(**times)  # as written here it came in one piece, which has no speed
    transitions.lose(write(other, "half").id, LostReason.LEASE)
    transitions.stop(third.run_id)
    assert "data-plain>**bold** &lt;script&gt;" in browser.get(page_of(comparison)).content.decode()  # B85
    make_html()
    page = browser.get(page_of(comparison))
    assert "<strong>bold</strong>" in page.content.decode()
    assert "<script>alert" not in page.content.decode()
    assert re.search(r"first token 1\.00 s 40\.0 tokens/s", words(page))
    assert "Interrupted" in words(page)
    assert "The process that was writing this answer ended unexpectedly." in words(page)
    assert 'http-equiv="refresh"' not in page.content.decode()


def test_the_script_gets_the_panes_only(browser, compare):
    response = browser.get(page_of(compare()), headers=SCRIPTED)
    assert response.content.decode().count("data-pane ") == 3
    assert "<html" not in response.content.decode()


def test_each_visit_keeps_the_answers_of_a_reader_without_script_going(browser, compare):  # B42
    comparison = compare()
    before = Run.objects.first().viewer_until
    browser.get(page_of(comparison))
    assert Run.objects.first().viewer_until > before


def test_voting_by_form_reveals_and_a_second_vote_is_refused_with_its_status(browser, compare, finish):  # B45
    comparison = compare()
    path = reverse("vote", args=[comparison.pk])
    assert browser.post(path, {"choice": "A"}).status_code == 409
    finish(comparison)
    unknown = browser.post(path, {"choice": "Z"})
    assert (unknown.status_code, "Vote for one of the answers" in words(unknown)) == (400, True)
    assert browser.post(path, {"choice": "A"}).url == page_of(comparison)
    again = browser.post(path, {"choice": "B"})
    assert (again.status_code, "You have already voted." in words(again)) == (409, True)
    scripted = browser.post(path, {"choice": "B"}, headers=SCRIPTED)
    assert (scripted.status_code, scripted.json()["code"]) == (409, "already_voted")
    page = words(browser.get(page_of(comparison)))
    winner = comparison.panes.get(position=0).contender
    assert f"You chose A: {winner}" in page
    assert all(name in page for name in ("Betula Large", "Fagus Mini", "Salix 7B"))


def test_history_scoreboard_and_export_tell_after_the_vote(browser, compare, finish):
    comparison = compare("Which tree?", is_sequential=False)
    finish(comparison)
    assert "no vote" in words(browser.get("/compare/history"))
    assert "No votes yet." in words(browser.get("/compare/scoreboard"))
    actions.vote(comparison, "A")
    winner = comparison.panes.get(position=0).contender
    assert f"{winner} won" in words(browser.get("/compare/history"))
    assert re.search(rf"{winner} 1\d\d\d 100% 1 0 0", words(browser.get("/compare/scoreboard")))
    export = browser.get(reverse("export_comparison", args=[comparison.pk]))
    assert export.headers["Content-Type"].startswith("text/markdown")
    text = export.content.decode()
    assert f"## Answer A: {winner}\n" in text
    assert "Which tree?" in text
    assert "Answer number 2" in text
    assert f"Answer A ({winner}) won." in text


def test_only_blind_votes_count_unless_asked(browser, compare, finish):
    comparison = compare(is_blind=False)
    finish(comparison)
    actions.vote(comparison, "tie")
    assert "No votes yet." in words(browser.get("/compare/scoreboard"))
    assert "Betula Large 1000 50% 0 1 0" in words(browser.get("/compare/scoreboard?votes=all"))


def test_the_same_contenders_can_be_asked_something_else_once_they_are_known(browser, log_in, bob, compare, finish):
    contenders = [
        Contender(Model.objects.get(name="salix"), temperature=0.7),
        Contender(Model.objects.get(name="fagus")),
    ]
    comparison = compare(contenders=contenders)
    finish(comparison)
    path = f"/compare?like={comparison.pk}"
    assert chosen_in(browser.get(path)) == ["betula", "fagus"]  # as for anybody
    actions.vote(comparison, "tie")
    page = browser.get(path)
    assert chosen_in(page) == ["fagus", "salix"]
    assert 'value="0.7"' in page.content.decode()
    for address in (f"/compare?like={comparison.panes.first().pk}", "/compare?like=nonsense"):
        assert chosen_in(browser.get(address)) == ["betula", "fagus"]
    assert chosen_in(log_in(bob).get(path)) == ["betula", "fagus"]


def chosen_in(response) -> list[str]:
    """The models that the form shows."""
    return re.findall(r'<input type="text" name="c-\d-model" value="(\w+)"', response.content.decode())


def test_going_on_leads_to_a_chat_in_the_list(browser, compare, finish):  # B46
    comparison = compare("Which tree?")
    finish(comparison)
    path = reverse("go_on_with_pane", args=[comparison.panes.first().pk])
    assert browser.post(path).status_code == 409
    for place in ("/", "/search?q=tree"):
        assert "Which tree?" not in words(browser.get(place))
    actions.vote(comparison, "A")
    response = browser.post(path)
    assert response.url == f"/chats/{comparison.panes.first().session_id}#end"
    assert "Answer number 0" in words(browser.get(response.url))
    for place in ("/", "/search?q=answer"):
        assert "Which tree?" in words(browser.get(place))


def test_deleting_asks_first(browser, compare):
    comparison = compare()
    path = reverse("delete_comparison", args=[comparison.pk])
    assert "Delete this comparison?" in words(browser.get(path))
    assert Comparison.objects.exists()
    assert browser.post(path).url == reverse("comparisons")
    assert not Comparison.objects.exists()


def test_every_refusal_is_documented_with_its_status():
    page = Path(django_settings.BASE_DIR, "docs", "compare.md").read_text()
    documented = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", page, re.MULTILINE))
    assert documented == {kind.code: str(kind.status) for kind in errors.Refusal.__subclasses__()}


def test_a_long_question_and_long_answers_stand_in_stretches(browser, compare, write):
    """As one paragraph of Arabic letters they froze the tab (B58)."""
    long = "مرحبا <wört> " * 2_000
    comparison = compare(long)
    first, second, _ = comparison.panes.all()
    write(first, long)
    transitions.complete(write(second, long).id, "stop")
    page = browser.get(reverse("comparison", args=[comparison.pk])).content.decode()
    assert page.count(stretched(long)) == 3
