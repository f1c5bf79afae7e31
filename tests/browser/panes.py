"""The page of a comparison, in the words of those who read it."""

import re

from chatapp.compare.models import Comparison
from runs.models import Model, Provider
from tests.browser.window import expect
from tests.harness.upstream import prompt

COMPARISON = re.compile(r"/compare/[0-9a-f-]{36}$")
NAMES = ["Betula", "Fagus", "Salix"]


def make_contenders(stack, **script: object) -> dict[str, str]:
    """Three models that speak this script, each with a tag of its own: {label: tag}."""
    provider = Provider.objects.get(name="scripted")
    tags = {name: prompt().tag for name in NAMES}
    for name, tag in tags.items():
        values = {"provider": provider, "upstream_id": stack.upstream.register(tag=tag, **script), "enabled": True}
        Model.objects.update_or_create(name=name.lower(), defaults={"label": name, **values})
    return tags


def choose_contender(page, number: int, label: str) -> None:
    """Choose a model for a row of the form."""
    button = page.get_by_role("button", name=f"Model {number}: ")
    if not button.count():  # without a script, a field with suggestions
        page.get_by_label(f"Model {number}", exact=True).fill(label)
        return
    button.click()
    page.get_by_role("combobox", name=f"Model {number}").fill(label)
    page.keyboard.press("Enter")


class Panes:
    """The words of a comparison's page."""

    def __init__(self, page, tags: dict[str, str]):
        self.page, self.tags = page, tags

    def start(self, text="Which tree?", *, order="All at once", is_blind=True) -> Comparison:
        self.page.goto("/compare")
        self.page.get_by_label("Question").fill(text)
        self.page.get_by_text("More models").click()
        for number, name in enumerate(NAMES, 1):
            choose_contender(self.page, number, name)
        self.page.get_by_label(order).check()
        self.page.get_by_label("Blind").set_checked(is_blind)
        self.page.get_by_role("button", name="Compare", exact=True).click()
        self.page.wait_for_url(COMPARISON)
        return Comparison.objects.get(pk=self.page.url.rpartition("/")[2])

    def pane(self, letter: str):
        return self.page.get_by_role("region", name=f"Answer {letter}")

    def text(self, letter: str):
        return self.pane(letter).locator(".prose")

    def act(self, letter: str, name: str):
        return self.pane(letter).get_by_role("button", name=name)

    def expect(self, letter: str, state: str, text: str | None = None) -> None:
        expect(self.pane(letter)).to_have_attribute("data-state", state)
        if text is not None:
            expect(self.text(letter)).to_have_text(text)

    def vote(self, name: str):
        """A button of the vote: "Answer A", "Tie"."""
        return self.page.get_by_role("region", name="Vote").get_by_role("button", name=name, exact=True)

    def tag(self, comparison: Comparison, letter: str) -> str:
        """Of the contender in this pane."""
        return self.tags[next(pane.contender for pane in comparison.panes.all() if pane.letter == letter)]
