"""Choosing among many models: one searchable list a page, by keyboard and for readers, and forms without a script."""

from contextlib import contextmanager

import pytest

from runs.models import Model, Run
from tests.browser.scenes import House
from tests.browser.test_compare import complaints_of_axe
from tests.browser.window import expect
from tests.harness.check import check

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

COUNT = 80


@contextmanager
def many_models():
    default = Model.objects.get(is_default=True)
    names = [f"wall-{number}" for number in range(COUNT)]
    values = {"provider": default.provider, "upstream_id": default.upstream_id}
    Model.objects.bulk_create(Model(name=name, label=f"Bétula {name[5:]} Large", **values) for name in names)
    try:
        yield
    finally:
        Model.objects.filter(name__in=names).delete()


@pytest.fixture(autouse=True)
def wall(stack):
    with many_models():
        yield


@pytest.fixture
def address(alice) -> str:
    house = House(alice)
    session = house.session("A chat")
    house.say(session, "Which tree?", "An oak.")
    return f"/chats/{session.pk}"


def last_model(alice) -> str:
    return check(Run.objects.visible_to(alice.user).latest("queued_at")).model.name


def test_models_are_found_by_keyboard_for_the_next_answer_and_for_another_one(alice, tab, address):
    page = tab.page
    page.goto(address)
    picker = page.get_by_role("button", name="Model: Scripted")
    picker.focus()
    page.keyboard.press("Enter")
    listbox, field = page.get_by_role("listbox", name="Models"), page.get_by_role("combobox")
    expect(field).to_be_focused()
    expect(page.get_by_role("dialog", name="Model for the next answer")).to_be_visible()
    expect(listbox.get_by_role("option", selected=True)).to_have_text("Scripted")
    assert complaints_of_axe(page) == []

    def active() -> str:
        return page.locator(f"#{field.get_attribute('aria-activedescendant')}").text_content()

    page.keyboard.type("large betula 7")  # words in any order, without accents
    expect(listbox.get_by_role("option")).to_have_count(17)  # 7, 17 to 67, 70 to 79
    expect(page.get_by_text("17 models")).to_be_visible()
    page.keyboard.press("ArrowUp")
    assert active() == "Bétula 79 Large"
    page.keyboard.press("ArrowDown")
    assert active() == "Bétula 17 Large"
    page.keyboard.type("xyz")
    expect(page.get_by_text("No models match.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(picker).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("betula 42")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Model: Bétula 42 Large")).to_be_focused()
    tab.send("And why?")
    expect(tab.answers).to_have_count(2)
    tab.expect_state("complete")
    assert last_model(alice) == "wall-42"

    # The same list should ask another model for another version, without leaving the page
    page.evaluate("window.isTheSamePage = true")
    tab.answers.last.get_by_role("link", name="Other model").press("Enter")
    expect(page.get_by_role("dialog", name="Another answer from")).to_be_visible()
    page.keyboard.type("betula 77")
    listbox.get_by_role("option").first.click()
    expect(tab.answers.last.get_by_role("heading")).to_have_text("Answer by Bétula 77 Large")
    tab.expect_state("complete")
    assert last_model(alice) == "wall-77"
    assert page.evaluate("window.isTheSamePage")
    assert page.get_by_role("listbox").count() == 0 and page.locator("[role=listbox]").count() == 1


@pytest.mark.long  # tests/web/test_branches.py posts its form
def test_without_javascript_a_select_asks_another_model(stack, alice, address, open_window):
    page = open_window(stack, alice, java_script_enabled=False).page
    page.goto(address)
    expect(page.get_by_label("Model", exact=True)).to_be_visible()
    page.get_by_role("link", name="Other model").click()
    page.get_by_label("Model").select_option("Bétula 9 Large")
    page.get_by_role("button", name="Regenerate").click()
    page.wait_for_url(f"**{address}#end")
    assert last_model(alice) == "wall-9"
