"""Pictures of all pages, taken of real pages: `make screenshots` keeps them in docs/screenshots.

With SCREENSHOTS=name,name in the environment these pages are taken. Other test runs take two,
and do not change the tree.
"""

import base64
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from chatapp.accounts.invitations import invitation_link, invite
from chatapp.accounts.links import login_link
from chatapp.chats.models import Session
from runs.models import Model
from tests.browser import furniture
from tests.browser.furniture import speaking_models
from tests.browser.panes import COMPARISON, choose_contender
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
PAGES = {  # name: whose page, its path (or the name of the house's attribute that has it), the button that opens more
    "login": ("nobody", "/login", None),
    "home": ("alice", "/", None),
    "writing": ("alice", "writing", None),
    "rich": ("alice", "rich", None),
    "states": ("alice", "states", None),
    "settings-of-a-chat": ("alice", "rich", "Model settings"),
    "menu-of-a-chat": ("alice", "rich", "Chat menu"),
    "keyboard": ("alice", "rich", "Keyboard shortcuts"),
    "search": ("alice", "/search?q=circle", None),
    "archive": ("alice", "/archive", None),
    "share": ("alice", "share", None),
    "shared": ("nobody", "shared", None),
    "settings": ("charlie", "/settings", None),
    "security": ("charlie", "/settings/security", None),
    "developers": ("charlie", "/settings/developers", None),
    "people": ("charlie", "/settings/people", None),
    "models": ("charlie", "/models", None),
    "connect": ("charlie", "/models/connect", None),
    "select": ("alice", "/chats/select", None),
    "account-menu": ("alice", "rich", "Account menu for alice"),
    "webhooks": ("alice", "/settings/webhooks", None),
    "invitation": ("nobody", "invitation", "Continue"),
    "login-link": ("alice", "login_link", None),
    "login-instead": ("alice", "login_link", "Log in"),
    "compare": ("alice", "/compare", None),
    "comparing": ("alice", "comparing", None),
    "compared": ("alice", "compared", None),
    "comparisons": ("alice", "/compare/history", None),
    "scoreboard": ("alice", "/compare/scoreboard", None),
    "schedules": ("alice", "/schedules", None),
    "schedule": ("alice", "schedule", None),
    "schedule-editor": ("alice", "/schedules/new?preset=weekdays", None),
    "nowhere": ("alice", "/nowhere", None),
    "admin": ("charlie", "/admin/", None),
    "admin-runs": ("charlie", "/admin/runs/run/", None),
    "admin-run": ("charlie", "admin_run", None),
}
SHEET = """<!doctype html>
<div id="sheet" style="display: inline-flex; gap: 16px; padding: 16px; background: #777">{}</div>"""


@pytest.fixture
def directory(tmp_path) -> Path:
    return Path(ROOT) / "docs" / "screenshots" if KEEPS else tmp_path


@pytest.fixture
def house(stack, make_stack):
    """A stack, the cast, and the paths of what alice has in it. Only pictures that are kept show plain names."""
    stack = make_stack() if KEEPS else stack
    people = {name: stack.person(name) for name in ("alice", "charlie")}
    if KEEPS:
        Model.objects.update(label="Demo model")
        for name, person in people.items():
            get_user_model().objects.filter(pk=person.user.pk).update(username=name)
    house = House(people["alice"])
    house.stack, house.people = stack, people
    house.writing = answering(stack, people["alice"], QUESTION, text=WORDS, hold=[len(WORDS) - 1], tag="screenshot")
    yield house
    finish(stack, people["alice"], "screenshot")


def furnish(house, open_window) -> None:
    """The paths of what is no chat. A comparison is being written for as long as this window shows it."""
    labels = speaking_models(house.stack, 25, "compared")
    house.compared, house.schedule = furniture.comparisons(house), furniture.schedules(house)
    house.share = f"{house.rich}/share"
    session = Session.objects.get(pk=house.rich.rpartition("/")[2])
    Session.objects.filter(pk=session.pk).update(share_token="a-link-that-can-be-revoked")
    house.shared = "/shared/a-link-that-can-be-revoked"
    house.admin_run = f"/admin/runs/run/{session.runs.latest('queued_at').pk}/change/"
    house.invitation = invite_link(house.stack.url)
    Session.objects.filter(owner=house.owner, title__startswith="Three names").update(archived_at=timezone.now())
    Session.objects.filter(owner=house.owner, title="The area of a circle").update(pinned_at=timezone.now())
    for days, title in enumerate(["Explain optimistic locking", "Why the sea", "A packing list"], 1):
        moment = timezone.now() - timedelta(days=days * days)
        Session.objects.filter(owner=house.owner, title__startswith=title).update(active_at=moment)
    page = open_window(house.stack, house.people["alice"]).page
    page.goto("/compare")
    page.get_by_label("Question").fill(furniture.QUESTION)
    page.get_by_text("More models").click()
    for number, label in enumerate(labels, 1):
        choose_contender(page, number, label)
    page.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_url(COMPARISON)
    expect(page.get_by_role("region", name="Answer A").locator(".prose")).not_to_be_empty()
    house.comparing = page.url


def invite_link(url: str) -> str:
    return invitation_link(invite("dora")[1], url)


def open_page(tab, house, name: str) -> None:
    _, path, button = PAGES[name]
    if path == "login_link":  # it expires sooner than all pictures are taken
        house.login_link = login_link(house.people["charlie"].user, house.stack.url)
    tab.page.goto(getattr(house, path, path))
    if name == "writing":
        expect(tab.answer).to_contain_text("no harm in leaving")
    if button == "Keyboard shortcuts":
        tab.page.evaluate("document.activeElement.blur()")  # the message field, where it would be written
        return tab.page.keyboard.press("?")
    if button and button.startswith("Account") and tab.page.get_by_role("button", name="Chats").is_visible():
        tab.page.get_by_role("button", name="Chats").click()
    if button:
        tab.page.get_by_role("button", name=button, exact=True).click()


@pytest.mark.long
@pytest.mark.only_engine("chromium", reason="its pictures are kept")
def test_screenshots_for_the_readme(house, open_window, directory):
    for theme in THEMES:
        screen = {"viewport": {"width": 1120, "height": 760}, "color_scheme": theme}
        window = open_window(house.stack, house.people["alice"], **screen)
        open_page(window.tab, house, "writing")
        window.tab.field.focus()
        window.tab.page.screenshot(path=directory / f"chat{'' if theme == 'light' else '-dark'}.png")


@pytest.mark.pictures
@pytest.mark.skipif(not KEEPS, reason="`make screenshots` takes pictures of all pages")
@pytest.mark.timeout(900)
def test_screenshots_of_all_pages(house, open_window, directory):
    """Each page on one sheet: three widths, and below them the same in the dark."""
    furnish(house, open_window)
    tabs = {
        who: [
            open_window(
                house.stack, house.people.get(who), viewport=size(width), color_scheme=theme, expected="404|403"
            ).tab
            for theme in THEMES
            for width, _ in SCREENS
        ]
        for who in ("nobody", *house.people)
    }
    for name in [
        name for name in PAGES if os.environ["SCREENSHOTS"] == "1" or name in os.environ["SCREENSHOTS"].split(",")
    ]:
        pictures = []
        for tab in tabs[PAGES[name][0]]:
            open_page(tab, house, name)
            tab.page.wait_for_load_state()
            pictures.append(tab.page.screenshot(type="png"))
        keep_sheet(open_window(house.stack), pictures, directory / f"{name}.jpg")


@pytest.mark.pictures
@pytest.mark.skipif(not KEEPS, reason="`make screenshots` takes pictures of all pages")
def test_screenshots_on_paper_and_in_forced_colours(house, open_window, directory):
    if {"1", "media"}.isdisjoint(os.environ["SCREENSHOTS"].split(",")):
        pytest.skip("other pages were named")
    furnish(house, open_window)
    media = {"print": {"media": "print"}, "forced-colours": {"forced_colors": "active", "color_scheme": "dark"}}
    for name, emulated in media.items():
        pictures = []
        for path in (house.rich, house.states, house.compared):
            page = open_window(house.stack, house.people["alice"], viewport={"width": 800, "height": 1100}).page
            page.emulate_media(**emulated)
            page.goto(path)
            page.wait_for_load_state()
            pictures.append(page.screenshot(type="png"))
        keep_sheet(open_window(house.stack), pictures, directory / f"{name}.jpg")


def size(width: int) -> dict[str, int]:
    return {"width": width, "height": dict(SCREENS)[width]}


def keep_sheet(window, pictures: list[bytes], path: Path) -> None:
    sources = [f"data:image/png;base64,{base64.b64encode(picture).decode()}" for picture in pictures]
    rows = [row for row in (sources[: len(SCREENS)], sources[len(SCREENS) :]) if row]
    columns = ["".join(f'<img src="{source}" height="400">' for source in pair) for pair in zip(*rows, strict=True)]
    boxes = "".join(f'<div style="display: grid; gap: 16px">{column}</div>' for column in columns)
    window.page.set_viewport_size({"width": 1300, "height": 900})
    window.page.set_content(SHEET.format(boxes))
    window.page.locator("#sheet").screenshot(path=path, type="jpeg", quality=70)
    if "SCREENSHOTS_PNG" in os.environ:
        for number, picture in enumerate(pictures):
            (Path(os.environ["SCREENSHOTS_PNG"]) / f"{path.stem}-{number}.png").write_bytes(picture)
        window.page.locator("#sheet").screenshot(path=Path(os.environ["SCREENSHOTS_PNG"]) / f"{path.stem}.png")
    window.close()
