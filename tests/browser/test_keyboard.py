"""Pages by keyboard alone (WCAG 2.1.1, 2.1.2, 2.4.7, 2.4.11): Tab reaches everything, where it is can be seen, and it
leads out again; and what people do on these pages is done without a mouse."""

import pytest
from django.utils import timezone

from chatapp.chats.models import Preferences, Theme
from chatapp.compare.models import Comparison
from chatapp.schedules.models import Schedule
from runs.models import Run
from tests.browser.panes import COMPARISON, Panes
from tests.browser.test_accessibility import BESIDE, place_in, send_logged_out
from tests.browser.window import PATIENCE, expect
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser

MOST = 120  # presses of Tab; a page on which there are more would be none for the keyboard

# What Tab should reach: one of each group of radio buttons, nothing that is folded away, off or out of the flow.
REACHABLE = """() => {
  const kinds = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  const named = [...document.querySelectorAll(kinds)].filter((node) =>
    node.checkVisibility({ visibilityProperty: true }) && !node.disabled && node.tabIndex >= 0 && node.type !== "hidden"
    && !(node.type === "radio" && !node.checked));
  named.forEach((node, place) => (node.dataset.reachable = place));
  return named.length;
}"""
# Where the focus is (the parts of a time are marked by the browser), and what is wrong with how it can be seen there.
LOOK = """() => {
  const node = document.activeElement;
  if (node === document.body || node.dataset.reachable === undefined) return { place: null };
  const around = [node, ...(node.labels ?? []), ...(node.nextElementSibling ? [node.nextElementSibling] : [])];
  for (let box = node.parentElement; box && around.length < 8; box = box.parentElement) around.push(box);
  const isSeen = node.matches("[type=time], [type=datetime-local]") || around.some((box) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(box);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  });
  const { left, top, width, height } = node.getBoundingClientRect();
  const points = [[.5, .5], [.1, .1], [.9, .9], [.1, .9], [.9, .1]];
  const isCovered = points.every(([x, y]) => {
    const found = document.elementFromPoint(left + x * width, top + y * height);
    const isOwn = found && (node.contains(found) || found.contains(node));
    return !isOwn && !(found && [...(node.labels ?? [])].includes(found.closest("label")));
  });
  const problem = isSeen ? (isCovered ? "is covered or out of view" : "") : "has no outline";
  return { place: node.dataset.reachable, problem: problem && `${node.outerHTML.slice(0, 120)} ${problem}` };
}"""


def walk(page) -> list[str]:
    """From the top to the end with Tab alone. What was not reached, and what could not be seen."""
    page.bring_to_front()  # Firefox shows the focus only in the window that is in front
    page.evaluate("document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')")
    left = set(range(page.evaluate(REACHABLE)))
    problems = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        found = page.evaluate(LOOK)
        if found["place"] is None:
            break  # out at the end: no trap
        left.discard(int(found["place"]))
        if found["problem"]:
            problems.append(found["problem"])
    else:
        problems.append(f"{page.url}: no end after {MOST} presses of Tab")
    missed = [page.locator(f"[data-reachable='{place}']").evaluate("(node) => node.outerHTML") for place in left]
    return problems + [f"not reached: {html[:160]}" for html in missed]


def tab_to(page, target, most: int = MOST) -> None:
    """Press Tab until `target` has the focus."""
    for _ in range(most):
        if target.evaluate("(node) => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{target} is not reached with the keyboard")


def press(page, name: str, role: str = "button") -> None:
    """Go to a button or a link and use it."""
    tab_to(page, page.get_by_role("main").get_by_role(role, name=name, exact=True))
    page.keyboard.press("Enter")


def write(page, field, text: str) -> None:
    """Go to a field (or the one of this label) and write over what stands there."""
    tab_to(page, page.get_by_label(field, exact=True) if isinstance(field, str) else field)
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


@pytest.mark.parametrize("are_all", [False, pytest.param(True, marks=pytest.mark.long)], ids=["few", "all"])
def test_tab_reaches_everything_and_can_be_seen_on_the_way(stack, alice, open_window, contenders, are_all):
    contenders(tokens=3)
    run = check(alice.send(prompt("Otters", tokens=3)))
    narrow = {"viewport": {"width": 320, "height": 640}, "expected": "40[135]"}
    window, found = open_window(stack, alice, **narrow), {}
    page = window.page
    comparison = Panes(page, {}).start("Which tree?")
    for pane in comparison.panes.all():
        check(pane.run)
    times = {"at": "09:00", "computed_at": timezone.now()}
    schedule = Schedule.objects.create(owner=alice.user, name="Weather", prompt="Look out.", kind="daily", **times)
    chat = f"/chats/{run.session_id}"
    with_most = ["/settings/developers", "/search?q=otters"]
    with_most += ["/schedules/new?preset=weekdays", f"/compare/{comparison.pk}"]
    others = [*BESIDE, f"{chat}/share", place_in(chat), "/schedules", f"/schedules/{schedule.pk}"]
    others += ["/compare", "/compare/history", "/compare/scoreboard"]
    for path in dict.fromkeys([*(others if are_all else ("/chats/select", "/welcome")), *with_most]):
        page.goto(path)
        page.wait_for_load_state()
        found[path] = walk(page)
    page.set_viewport_size({"width": 1280, "height": 640})  # the list of chats is beside the page then
    found["with the list"] = walk(page)
    if are_all:
        staff = open_window(stack, stack.person("charlie"), **narrow).page
        staff.goto("/settings/people")
        found["people"] = walk(staff)
    send_logged_out(window)
    found["logged out"] = walk(page)
    assert {path: problems for path, problems in found.items() if problems} == {}


@pytest.mark.long  # Tab reaches each of its fields above
def test_settings_by_keyboard(stack, alice, tab):
    page = tab.page
    page.goto("/settings")
    you, tokens = (page.get_by_role("region", name=name) for name in ("Preferences", "API tokens"))
    write(page, you.get_by_label("Display name"), "Alice L.")
    tab_to(page, page.get_by_label("Theme"))
    page.keyboard.press("D")  # chooses by the first letter
    press(page, "Save")
    expect(page.get_by_text("Saved.")).to_be_focused()
    alice.user.refresh_from_db()
    assert (alice.user.first_name, Preferences.objects.get(user=alice.user).theme) == ("Alice L.", Theme.DARK)
    page.goto("/settings/developers")
    write(page, tokens.get_by_label("Name"), "backup")
    press(page, "Create token")
    expect(page.get_by_label("Token “backup”")).to_be_focused()
    expect(page.get_by_label("Token “backup”")).to_be_in_viewport()
    tab_to(page, tokens.get_by_role("button", name="Revoke"))
    page.keyboard.press("Space")
    expect(tokens.get_by_role("button", name="Revoke")).to_have_count(0)


@pytest.mark.long  # Tab reaches its fields above
def test_search_by_keyboard(stack, alice, tab):
    run = check(alice.send(prompt("Where do otters sleep?", tokens=3)))
    page = tab.page
    page.goto("/archive")
    page.wait_for_load_state()
    page.keyboard.press("Control+K")
    page.keyboard.insert_text("otters")
    page.keyboard.press("Enter")
    hit = page.get_by_role("main").get_by_role("listitem").get_by_role("link")
    tab_to(page, hit)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/chats/{run.session_id}?at=*#m-*")
    expect(tab.questions.first).to_be_in_viewport()


@pytest.mark.long  # test_compare walks through one, too
def test_a_comparison_by_keyboard(stack, alice, tab, contenders):  # B44 B45 B46
    tags = contenders(tokens=4, hold=[2])
    panes = Panes(tab.page, tags)
    page, keys = tab.page, tab.page.keyboard
    page.goto("/compare")
    write(page, "Question", "Which tree?")
    for number, label in ((1, "Betula"), (2, "Fagus")):
        tab_to(page, page.get_by_role("button", name=f"Model {number}: "))
        keys.press("Enter")
        expect(page.get_by_role("combobox", name=f"Model {number}")).to_be_focused()
        keys.type(label)
        keys.press("Enter")
        expect(page.get_by_role("button", name=f"Model {number}: {label}")).to_be_focused()
    tab_to(page, page.get_by_label("All at once"))
    keys.press("ArrowDown")
    expect(page.get_by_label("One after another")).to_be_checked()
    keys.press("ArrowUp")
    press(page, "Compare")
    page.wait_for_url(COMPARISON)
    comparison = Comparison.objects.get(owner=alice.user)
    assert {pane.contender for pane in comparison.panes.all()} == {"Betula", "Fagus"}
    for letter in "AB":
        panes.expect(letter, "answering", spoken(2))

    # One is stopped, the focus stays where it was, and the other goes on
    tab_to(page, panes.act("A", "Stop answer A"))
    keys.press("Enter")
    panes.expect("A", "stopped", spoken(2))
    wait_until(
        lambda: page.evaluate("() => document.activeElement.closest('[data-letter=A]')"), "the page has come so far"
    )
    stack.upstream.release(panes.tag(comparison, "B"))
    panes.expect("B", "completed", spoken(4))
    tab_to(page, panes.vote("Answer B"))
    keys.press("Space")
    expect(page.get_by_text("You chose B")).to_be_visible()
    tab_to(page, panes.act("B", "Continue as a chat"))
    keys.press("Enter")
    tab.wait_for_session()
    tab.expect_answer(spoken(4))
    for pane in comparison.panes.all():
        check(pane.run)


@pytest.mark.long
def test_a_schedule_by_keyboard(stack, alice, tab):  # B50 B53
    page, keys = tab.page, tab.page.keyboard
    page.goto("/schedules")
    press(page, "On weekdays", "link")
    expect(page.get_by_role("heading", name="New schedule")).to_be_visible()
    write(page, "Name", "Weather")
    write(page, "Prompt", prompt("Look out of the window.", tokens=3))
    tab_to(page, page.get_by_label("Sat", exact=False))
    keys.press("Space")
    preview = page.get_by_role("region", name="Next times")
    expect(preview).to_contain_text("Friday and Saturday", timeout=PATIENCE)
    press(page, "Save")
    expect(page.get_by_role("heading", name="Weather")).to_be_visible()
    tab_to(page, page.get_by_role("switch"))
    keys.press("Space")
    expect(page.get_by_role("switch")).not_to_be_checked()
    press(page, "Run now")
    tab.wait_for_session()
    tab.expect_answer(spoken(3))
    check(Run.objects.visible_to(alice.user).get())
    schedule = Schedule.objects.get(owner=alice.user)
    page.goto(f"/schedules/{schedule.pk}")
    press(page, "Delete…", "link")
    press(page, "Delete")
    expect(page.get_by_role("heading", name="Scheduled prompts")).to_be_visible()
    wait_until(lambda: not Schedule.objects.filter(owner=alice.user).exists(), "it is gone")
