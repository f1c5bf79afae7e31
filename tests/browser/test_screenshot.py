"""Pictures of all pages, taken of real pages: `make screenshots` keeps them in docs/screenshots.

Other test runs take two of them, and do not change the tree.
"""

import base64
import os
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from runs.models import Model
from tests.browser.scenes import House, answering, finish
from tests.browser.window import expect
from tests.harness.processes import ROOT

pytestmark = pytest.mark.browser

QUESTION = "What happens to an answer when I close the tab while it is being written?"
ANSWER = """Nothing: it is **written on**. Every answer is a run of its own.

1. A worker reads what the model says.
2. Each piece is *saved* first, and shown only then.
3. When you come back, the page brings the text so far and follows what comes next.

```python
async for batch in follow(stream, after=seq):
    for event in batch:
        show(event)  # history first, then live
```

| you | the answer |
|---|---|
| close the tab | goes on |
| press Stop | ends at once, and the text stays |

So there is no harm in leaving, and nothing """
WORDS = [f"{word} " for word in ANSWER.split(" ")]
SCREENS = [(1280, 800), (768, 800), (360, 800)]
THEMES = ["light", "dark"]
KEEPS = "SCREENSHOTS" in os.environ
PAGES = {
    "login": ("/login", None),
    "home": ("/", None),
    "writing": (None, None),
    "rich": ("rich", None),
    "states": ("states", None),
    "settings-of-a-chat": ("rich", "Model settings"),
    "keyboard": ("rich", "Keyboard help"),
    "search": ("/search?q=circle", None),
    "settings": ("/settings", None),
    "compare": ("/compare", None),
}
SHEET = """<!doctype html>
<div id="sheet" style="display: inline-flex; gap: 16px; padding: 16px; background: #777">{}</div>"""


@pytest.fixture
def directory(tmp_path) -> Path:
    return Path(ROOT) / "docs" / "screenshots" if KEEPS else tmp_path


@pytest.fixture
def house(make_stack):
    """A stack, alice, and the paths of her sessions."""
    stack = make_stack()
    Model.objects.update(label="Demo model")
    alice = stack.person("alice")
    get_user_model().objects.filter(pk=alice.user.pk).update(username="alice")
    house = House(alice)
    house.stack, house.person = stack, alice
    house.writing = answering(stack, alice, QUESTION, text=WORDS, hold=[len(WORDS) - 1], tag="screenshot")
    yield house
    finish(stack, alice, "screenshot")


def open_page(tab, house, name: str) -> None:
    path, dialog = PAGES[name]
    tab.page.goto(house.writing if path is None else getattr(house, path, path))
    if path is None:
        expect(tab.answer).to_contain_text("no harm in leaving")
    if dialog:
        tab.page.get_by_role("button", name=dialog, exact=True).click()


def test_screenshots_for_the_readme(house, open_window, directory):
    for theme in THEMES:
        window = open_window(house.stack, house.person, viewport={"width": 1120, "height": 760}, color_scheme=theme)
        open_page(window.tab, house, "writing")
        window.tab.field.focus()
        window.tab.page.screenshot(path=directory / f"chat{'' if theme == 'light' else '-dark'}.png")


@pytest.mark.skipif(not KEEPS, reason="`make screenshots` takes pictures of all pages")
@pytest.mark.timeout(600)
def test_screenshots_of_all_pages(house, open_window, directory):
    """Each page on one sheet: three widths, and below them the same in the dark."""
    tabs = [
        open_window(house.stack, None if name == "login" else house.person, viewport=size(width), color_scheme=theme)
        for name in ("login", "home")
        for theme in THEMES
        for width, _ in SCREENS
    ]
    shown = len(SCREENS) * len(THEMES)
    for name in PAGES:
        pictures = []
        for window in tabs[:shown] if name == "login" else tabs[shown:]:
            open_page(window.tab, house, name)
            pictures.append(window.tab.page.screenshot(type="jpeg", quality=80))
        keep_sheet(open_window(house.stack), pictures, directory / f"{name}.jpg")


def size(width: int) -> dict[str, int]:
    return {"width": width, "height": dict(SCREENS)[width]}


def keep_sheet(window, pictures: list[bytes], path: Path) -> None:
    sources = [f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}" for picture in pictures]
    rows = [sources[: len(SCREENS)], sources[len(SCREENS) :]]
    columns = ["".join(f'<img src="{source}" height="400">' for source in pair) for pair in zip(*rows, strict=True)]
    boxes = "".join(f'<div style="display: grid; gap: 16px">{column}</div>' for column in columns)
    window.page.set_viewport_size({"width": 1300, "height": 900})
    window.page.set_content(SHEET.format(boxes))
    window.page.locator("#sheet").screenshot(path=path, type="jpeg", quality=70)
    window.close()
