"""What an answer cost: counted at its end by the prices of then, and shown wherever its figures are."""

from decimal import Decimal

import pytest

from chatapp.accounts.models import Token
from chatapp.compare import actions as comparing
from chatapp.compare.contenders import Contender
from chatapp.compare.export import markdown_of
from runs.lifecycle import transitions
from runs.models import Model
from runs.queries.costs import in_currency
from streams.events import Kind
from streams.log import store

pytestmark = pytest.mark.one_database

COUNTS = {"prompt_tokens": 1_234, "completion_tokens": 567, "cached_tokens": 1_000, "reasoning_tokens": 500}


@pytest.fixture
def price(model):
    """`price("3", "12")`: what the model costs from now on, a million tokens."""

    def price_(input_price: str | None, output_price: str | None) -> None:
        Model.objects.filter(pk=model.pk).update(input_price=input_price, output_price=output_price)

    return price_


@pytest.fixture
def answer(ask, write):
    """An answer of these counts, after it has ended."""

    def answer_(counts=COUNTS):
        run = write(ask(), "Seven.")
        store.append(run.pk, (Kind.USAGE, counts))
        transitions.complete(run.pk, "stop")
        run.refresh_from_db()
        return run

    return answer_


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        ("0", "0.00 EUR"),
        ("0.0000042", "0.0000042 EUR"),
        ("0.00123456", "0.0012 EUR"),
        ("0.0996", "0.100 EUR"),
        ("0.25", "0.25 EUR"),
        ("12.345", "12.34 EUR"),
        ("1234.5", "1234.50 EUR"),
    ],
)
def test_small_costs_have_digits_that_say_something(settings, cost, words):
    settings.CURRENCY = "EUR"
    assert in_currency(Decimal(cost)) == words


def test_it_stays_what_it_was_when_prices_change(browser, price, answer):
    price("3", "12.0932")
    run = answer()
    assert run.cost == Decimal("0.0105588444")
    price("100", "100")
    assert "567 tokens, 500 of them reasoning · 1000 prompt tokens from the cache · 0.011 USD" in page(browser, run)


@pytest.mark.parametrize("prices", [(None, None), ("3", None), (None, "12")])
def test_without_both_prices_nothing_is_shown(browser, price, answer, prices):
    price(*prices)
    run = answer()
    assert run.cost is None
    assert "USD" not in page(browser, run)


def test_a_free_model_costs_nothing_and_says_so(browser, price, answer):
    price("0", "0")
    assert "0.00 USD" in page(browser, answer())


def test_programs_and_exports_have_the_exact_number(alice, browser, price, answer):
    price("3", "12.0932")
    run = answer()
    browser.defaults["HTTP_AUTHORIZATION"] = f"Bearer {Token.objects.create(alice)[1]}"
    read = browser.get(f"/api/v1/runs/{run.pk}").json()
    assert (read["cost"], read["usage"]) == ("0.0105588444", COUNTS)
    exported = browser.get(f"/chats/{run.session_id}/export.json").json()
    question, told = exported["messages"]
    assert (told["cost"], told["usage"]) == ("0.0105588444", COUNTS)
    assert (question["cost"], question["usage"]) == (None, None)
    price(None, None)
    assert browser.get(f"/api/v1/runs/{answer().pk}").json()["cost"] is None


def test_a_blind_comparison_hides_costs_until_the_vote(alice, browser, price, model, write):  # B45
    price("3", "12")
    dear = Model.objects.create(name="dear", label="Dear", provider=model.provider, upstream_id="d")
    comparison = comparing.compare(alice, "Which?", [Contender(model), Contender(dear)])
    for pane in comparison.panes.select_related("run"):
        write(pane.run, "This.")
        store.append(pane.run_id, (Kind.USAGE, COUNTS))
        transitions.complete(pane.run_id, "stop")
    browser.defaults["HTTP_AUTHORIZATION"] = f"Bearer {Token.objects.create(alice)[1]}"

    def everything() -> str:
        read = [browser.get(f"{place}/{comparison.pk}").text for place in ("/compare", "/api/v1/compare")]
        return "".join([*read, markdown_of(comparison)])

    assert "USD" not in everything() and "0.0105" not in everything()
    comparing.vote(comparison, "A")
    comparison.refresh_from_db()
    assert everything().count("0.011 USD") == 2  # of the page and of the export
    assert '"cost":"0.010506"' in everything()


def page(browser, run) -> str:
    return browser.get(f"/chats/{run.session_id}").text
