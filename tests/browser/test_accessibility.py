"""Pages for everybody (WCAG 2.2 AA): axe finds nothing, the keyboard alone is enough, every width and zoom will do."""

import re

import pytest

from chatapp.accounts.models import Scope
from chatapp.accounts.tokens import make_token
from chatapp.chats.models import Message, Role
from chatapp.webhooks.models import Endpoint
from tests.browser.scenes import House, answering, finish
from tests.browser.window import expect
from tests.harness.check import check
from tests.harness.processes import ROOT
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser

AXE = ROOT / "deploy" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# axe would copy imported style sheets into the page, which its policy forbids, for a rule that is not run. It
# need not tell every element that is in order.
FIND = """(rules) => axe.run(document, { runOnly: rules, preload: false, resultTypes: ["violations"] })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`)))"""
FIND_IN_MENU = FIND.replace("document", "document.querySelector(':popover-open, dialog[open]')", 1)
BESIDE = [
    "/settings",
    "/settings/security",
    "/settings/developers",
    "/settings/webhooks",
    "/archive",
    "/search?q=circle",
    "/chats/select",
    "/welcome",
    "/logout",  # 405: only a form goes there
]
FROM_THE_SIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def house(stack, alice):
    house = House(alice)
    make_token(alice.user, "backup " + "of everything" * 6, Scope.READ, 30)
    Endpoint.objects.create(owner=alice.user, url="https://hooks.example/" + "a" * 200)
    tag = alice.user.username
    house.writing = answering(stack, alice, "Write on", text=["Some *text* ", "more"], hold=[1], tag=tag)
    yield house
    finish(stack, alice, tag)


def paths(house) -> list[str]:
    return [*with_composer(house), *BESIDE, f"{house.rich}/share", place_in(house.rich)]


def place_in(chat: str) -> str:
    """Where a hit of a search leads: into the middle of a chat."""
    asked = Message.objects.filter(session=chat.rpartition("/")[2], role=Role.USER).first()
    return f"{chat}?at={asked.pk}#m-{asked.pk}"


def send_logged_out(window) -> None:
    """Send a message after the log-in expired: the form to log in comes, which keeps the text."""
    window.page.goto("/")
    window.cookies_expire()
    window.tab.send("A thought that is kept")
    expect(window.page.get_by_text("You’re logged out.")).to_be_visible()


def with_composer(house) -> list[str]:
    return ["/", house.rich, house.states, house.writing]


@pytest.mark.parametrize(
    ("theme", "are_all"),
    [
        pytest.param("light", False, id="light"),
        pytest.param("light", True, marks=pytest.mark.long, id="light, all"),
        pytest.param("dark", True, marks=pytest.mark.long, id="dark, all"),
    ],
)
def test_axe_finds_nothing(stack, alice, house, open_window, theme, are_all):
    # The script is put in from outside, which the pages' own policy forbids.
    found = {}

    def open_for(person):
        window = open_window(stack, person, color_scheme=theme, bypass_csp=True, expected="40[1345]")
        window.context.add_init_script(path=AXE)
        return window

    def look(name: str, find: str = FIND) -> None:
        if problems := page.evaluate(find, RULES):
            found[name] = problems

    page = open_for(stack.person("charlie")).page
    page.goto("/settings/people")
    look("people")
    window = open_for(alice)
    page = window.page
    like_others = ["/archive", "/settings/webhooks", house.states]
    more = [*like_others, f"{house.rich}/delete", f"{house.rich}/tuning", "/nowhere"]
    for path in [*(path for path in paths(house) if path not in like_others), *(more if are_all else ())]:
        page.goto(path)
        look(path)
    page.goto(house.rich)
    for details in page.locator("details:visible > summary").all():
        details.click()
    look("everything unfolded")
    for button in ("Model settings", "Chat menu", re.compile("^Account menu"), re.compile("^Menu for The area")):
        page.get_by_role("button", name=button).first.click()
        look(str(button), FIND_IN_MENU)
        page.keyboard.press("Escape")
    page.keyboard.press("?")
    look("keyboard shortcuts", FIND_IN_MENU)
    page.keyboard.press("Escape")
    send_logged_out(window)
    look("logged out")
    for path in ("/login", "/login/link", "/invitation") if are_all else ():
        page.goto(path)
        look(path)
    assert found == {}


SCREENS = {  # width and height in CSS pixels, device pixels for each of them
    "320 px": (320, 640, 1),
    "a phone on its side": (740, 320, 1),
    "zoomed to 200 %": (640, 400, 2),
    "zoomed to 400 %": (320, 200, 4),
    "4K": (3840, 2160, 1),
}
NARROWEST = ("320 px", "zoomed to 400 %")


@pytest.mark.parametrize("are_all", [False, pytest.param(True, marks=pytest.mark.long)], ids=["few", "all"])
def test_no_page_has_to_be_scrolled_sideways(stack, alice, house, open_window, are_all):
    """Each page is loaded once and then shown on all screens, as a device that is turned or zoomed does.

    A few: pages that have no form for a message, on the narrowest screens only.
    """
    window = open_window(stack, alice, expected="40[135]")
    found = []

    def turn(window, path: str) -> None:
        for name in SCREENS if are_all or path in with_composer(house) else NARROWEST:
            window.resize(*SCREENS[name])
            if window.page.evaluate(FROM_THE_SIDE) > 0:
                found.append((name, path))
            if path in with_composer(house):
                expect(window.tab.field).to_be_visible()

    for path in paths(house):
        window.page.goto(path)
        turn(window, path)
    send_logged_out(window)
    turn(window, "logged out")
    staff = open_window(stack, stack.person("charlie"))
    staff.page.goto("/settings/people")
    turn(staff, "people")
    assert found == []


@pytest.mark.long  # the keyboard goes through a conversation below
def test_the_focus_moves_the_page_only_to_what_is_not_in_view(stack, alice, house, open_window):
    """Tab to a button of the bar, which is always in view, took the reader away from the end."""
    page = open_window(stack, alice, viewport={"width": 400, "height": 700}).page
    page.goto(house.rich)
    place = page.evaluate("scrollY")
    assert place > 0
    for name in ("Chat menu", "Model settings"):
        page.get_by_role("button", name=name, exact=True).focus()
        assert page.evaluate("scrollY") == place
    hidden = page.locator(".question").first.locator("summary", has_text="Edit")
    hidden.focus()
    box = hidden.bounding_box()
    assert 50 < box["y"] < 550  # neither behind the bar nor behind the form


def test_a_conversation_with_the_keyboard_alone(stack, alice, open_window):
    text = prompt(tokens=9, hold=[4])
    tab = open_window(stack, alice).tab
    keys = tab.page.keyboard
    tab.page.goto("/")
    tab.page.wait_for_load_state()
    keys.press("Escape")
    tab.page.locator("body").click(position={"x": 700, "y": 700})
    keys.press("?")
    expect(tab.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    keys.press("Escape")
    expect(tab.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()
    keys.press("/")
    expect(tab.field).to_be_focused()
    keys.insert_text(text)
    keys.press("Enter")
    tab.wait_for_session()
    tab.expect_answer(spoken(4))
    keys.press("Escape")
    tab.expect_state("stopped")
    stack.upstream.release(text.tag)
    reach(tab, "Regenerate")
    keys.press("Enter")
    tab.expect_answer(spoken(9))
    tab.expect_state("complete")
    reach(tab, "Previous version")
    keys.press("Enter")
    tab.expect_answer(spoken(4))
    keys.press("Control+K")
    expect(tab.page.get_by_role("searchbox")).to_be_focused()
    keys.press("Control+Shift+O")
    expect(tab.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    for run in alice.user.chat_sessions.get().runs.all():
        check(run)


def reach(tab, name: str) -> None:
    """Go back with Shift+Tab until the button has the focus, which has to be seen."""
    button = tab.page.get_by_role("button", name=name, exact=True).last
    for _ in range(60):
        tab.page.keyboard.press("Shift+Tab")
        if button.evaluate("(node) => node === document.activeElement"):
            assert button.evaluate("(node) => getComputedStyle(node).outlineStyle") != "none"
            return
    raise AssertionError(f"{name} is not reached with the keyboard")


@pytest.mark.long  # the conversation above hears it
def test_one_polite_region_tells_what_happens_and_does_not_grow(stack, alice, open_window):
    tab, text = open_window(stack, alice, reduced_motion="reduce").tab, prompt(tokens=30, hold=[10])
    tab.start(text)
    tab.expect_answer(spoken(10))
    expect(tab.page.locator("[aria-live], [role=log], [role=status]")).to_have_count(1)
    expect(tab.status).to_have_text("Answering")
    assert tab.page.locator(".dots i").first.evaluate("(dot) => getComputedStyle(dot).animationName") == "none"
    stack.upstream.release(text.tag)
    tab.expect_state("complete")
    expect(tab.status).to_have_text("Done")
    check(alice.user.chat_sessions.get().runs.get())
