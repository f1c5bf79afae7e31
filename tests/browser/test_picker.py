"""The picker with the 400 models of a large provider: by typing, by keyboard alone, on phones, in both themes."""

import os
from pathlib import Path

import pytest

from runs.models import Model, Provider, Run
from tests.browser.scenes import House
from tests.browser.window import expect
from tests.harness.check import check

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

COUNT = 400
PHONES = {"320": {"width": 320, "height": 568}, "390": {"width": 390, "height": 844}}
PICTURES = os.environ.get("PICKER_PICTURES", "")  # a folder for pictures to look at


@pytest.fixture(autouse=True)
def models(stack):
    """400 models of three providers, besides the default one."""
    upstream_id = Model.objects.get(is_default=True).upstream_id
    base_url = Provider.objects.first().base_url
    providers = [
        Provider.objects.create(name=f"rack-{number}", label=label, base_url=base_url, position=number + 1)
        for number, label in enumerate(["Open Router", "Mistral", "A company’s own gateway with a long name"])
    ]
    Model.objects.bulk_create(
        Model(
            name=f"org/m{n}",
            label=f"Org: Model {n} (2026 instruct)",
            provider=providers[n % 3],
            upstream_id=upstream_id,
        )
        for n in range(COUNT)
    )
    yield
    Provider.objects.filter(name__startswith="rack-").delete()


@pytest.fixture
def address(alice) -> str:
    house = House(alice)
    session = house.session("A chat")
    house.say(session, "Which tree?", "An oak.")
    return f"/chats/{session.pk}"


def opened(page):
    """The list, after the picker was opened by the keyboard."""
    page.get_by_role("button", name="Model: ").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox")).to_be_focused()
    return page.get_by_role("listbox", name="Models")


def group_texts(listbox, heading: str) -> list[str]:
    options = listbox.get_by_role("group", name=heading, exact=True).get_by_role("option")
    return [text.split("(2026")[0].strip() for text in options.all_text_contents()]


def picture(page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES, f"{name}.png"))


def test_a_model_becomes_a_favourite_and_recently_used_by_keyboard_alone(alice, tab, address):
    page = tab.page
    page.goto(address)
    listbox = opened(page)
    # other modules leave models of their own in the stack
    expect(page.get_by_text(f"{Model.objects.filter(enabled=True).count()} models")).to_be_visible()
    page.keyboard.type("model 217")
    expect(listbox.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Add to favourites: Org: Model 217 (2026 instruct)")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove from favourites: Org: Model 217 (2026 instruct)")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Model: ")).to_be_focused()

    listbox = opened(page)
    page.keyboard.type("model 300")
    page.keyboard.press("Enter")
    tab.send("And why?")
    expect(tab.answers).to_have_count(2)
    tab.expect_state("complete")
    assert check(Run.objects.visible_to(alice.user).latest("queued_at")).model.name == "org/m300"

    # A new page should begin with both; the search should find by provider, and by the name in the API
    page.reload()
    listbox = opened(page)
    assert group_texts(listbox, "Favourites") == ["Org: Model 217"]
    assert "Org: Model 300" in group_texts(listbox, "Recently used")
    page.keyboard.type("org/m21 mistral")
    assert {text.split("(2026")[0] for text in listbox.get_by_role("option").all_text_contents()} == {
        f"Org: Model {n} " for n in [*range(210, 220), 21] if n % 3 == 1
    }
    page.keyboard.press("Escape")

    # The ends of a list of hundreds should be a key away
    listbox = opened(page)
    page.keyboard.press("ArrowUp")
    active = page.get_by_role("combobox").get_attribute("aria-activedescendant")
    expect(page.locator(f"#{active}")).to_be_in_viewport()


@pytest.mark.long  # tests/runs/test_capabilities.py
def test_a_reasoning_effort_is_offered_where_the_chosen_model_reasons(tab, address):
    Model.objects.filter(name="org/m42").update(has_reasoning=True)
    page = tab.page
    page.goto(address)
    settings, effort = page.get_by_role("button", name="Model settings"), page.get_by_label("Reasoning effort")
    settings.click()
    expect(page.get_by_label("Temperature")).to_be_visible()
    expect(effort).to_be_hidden()
    page.keyboard.press("Escape")
    opened(page)
    page.keyboard.type("org/m42")
    page.keyboard.press("Enter")
    settings.click()
    expect(effort).to_be_visible()
    effort.select_option("low")
    picture(page, "effort")
    page.get_by_role("button", name="Save for this chat").click()
    expect(page.get_by_role("button", name="Model settings, changed")).to_be_visible()


@pytest.mark.long  # test_accessibility.py looks at phones
@pytest.mark.parametrize("width", PHONES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone_and_takes_a_tap(stack, alice, address, open_window, width, theme):
    window = open_window(stack, alice, viewport=PHONES[width], has_touch=True, color_scheme=theme)
    page = window.tab.page
    page.goto(address)
    page.get_by_role("button", name="Model: ").tap()
    dialog = page.get_by_role("dialog", name="Model for the next answer")
    expect(dialog).to_be_visible()
    picture(page, f"{width}-{theme}-list")
    box = dialog.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= PHONES[width]["width"]
    assert box["y"] >= 0 and box["y"] + box["height"] <= PHONES[width]["height"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    field = page.get_by_role("combobox")
    field.fill("gateway 302")
    option = dialog.get_by_role("option")
    expect(option).to_have_count(1)
    picture(page, f"{width}-{theme}-search")
    assert option.bounding_box()["height"] >= 24  # WCAG 2.5.8
    option.tap()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Model: Org: Model 302")).to_be_visible()
