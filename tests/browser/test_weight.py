"""Pages are light and stay quick: bytes over the wire, and how long the page's thread is busy."""

import re

import pytest

from runs.models import Model
from tests.browser.scenes import RICH, House, long_session, speaking
from tests.browser.tasks import traced_tasks
from tests.browser.window import PATIENCE, expect
from tests.harness.check import check
from tests.harness.upstream import prompt

pytestmark = pytest.mark.browser

FIRST_VIEW_BYTES = 100_000  # HTML, CSS and JavaScript of a session with 200 messages, where there are 80 models
FIRST_VIEW_REQUESTS = 12  # with the page itself
DRAWING_SECONDS = 5  # s of CPU that an answer of 100 kB may cost the page's thread; a quiet machine needs one
LONG_TASK, FIRST_VIEW_TASK = 400, 80  # ms of CPU of the longest task, on a busy machine; measured: 178 and 49
LOADS = 10  # of a page, at most, of which the quickest counts
LAYOUT_SHIFT = 0.01  # of an answer, cumulative: what moves without the reader's doing
NEW_CHAT_REQUESTS = 8  # the message, the list, what the end of the answer brings, and that it was seen

WATCH = """window.shifts = [];
new PerformanceObserver((list) => {
  for (const { value, hadRecentInput, startTime, sources } of list.getEntries()) {
    const moved = sources.map(({ node }) => node?.className ?? node?.nodeName);
    if (!hadRecentInput) window.shifts.push({ value, startTime, moved });
  }
}).observe({ type: "layout-shift", buffered: true });"""
NOW = """() => new Promise((tell) => {
  requestAnimationFrame(() => requestAnimationFrame(() => tell(performance.now())));
})"""  # when what was to be drawn is drawn
PARAGRAPH = "Some **bold** words, a `piece of code` and a [link](https://example.org/) in a line of text.\n\n"


@pytest.fixture
def eighty_models(stack):
    provider, names = Model.objects.get(is_default=True).provider, [f"model-{number}" for number in range(79)]
    Model.objects.bulk_create(Model(name=name, label=name, provider=provider, upstream_id=name) for name in names)
    yield
    Model.objects.filter(name__in=names).delete()


@pytest.mark.usefixtures("eighty_models")
def test_the_first_view_of_a_long_session_is_light_and_does_not_wait_for_sockets(stack, alice, open_window):
    path = long_session(House(alice), 200, PARAGRAPH * 6)
    alice.page("GET", path)
    window = open_window(stack, alice)
    page, heard = window.page, []
    window.context.new_cdp_session(page).send("Network.clearBrowserCache")
    page.route_web_socket(re.compile("/ws/"), lambda socket: None)  # opens never
    page.route(re.compile(r"/streams\?"), lambda route: None)  # nor does what takes its place after some seconds
    page.on("requestfinished", lambda request: heard.append((request.url, request.sizes(), request.response())))
    page.goto(path)  # until the page's load event, before which all its modules have come

    # It should be usable: what it needs for that is part of the view
    window.tab.field.fill("Ready")
    page.get_by_role("button", name="Account menu").click()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()

    assert all(response.status == 200 for _, _, response in heard)
    total = sum(sizes["responseBodySize"] + sizes["responseHeadersSize"] for _, sizes, _ in heard)
    print(f"first view: {total / 1000:.1f} kB in {len(heard)} requests")
    assert total <= FIRST_VIEW_BYTES
    assert len(heard) <= FIRST_VIEW_REQUESTS
    files = [response for url, _, response in heard if "/static/" in url]
    assert {response.url.rpartition(".")[2] for response in files} == {"css", "js", "svg"}
    assert all(re.search(r"\.([0-9a-f]{12}|[0-9A-Z]{8})\.\w+$", response.url) for response in files)
    assert all("immutable" in response.header_value("cache-control") for response in files)


def test_a_new_chat_costs_few_requests_and_no_page(stack, alice, open_window):
    window, requested = open_window(stack, alice), []
    tab = window.tab
    tab.page.goto("/")
    tab.field.fill(prompt(tokens=3))
    tab.page.wait_for_load_state("networkidle")
    tab.page.on("request", lambda request: requested.append(request))
    tab.field.press("Enter")
    tab.wait_for_session()
    tab.expect_state("complete")
    tab.page.wait_for_load_state("networkidle")
    print(f"a new chat: {[request.url for request in requested]}")
    assert not any(request.is_navigation_request() for request in requested)
    assert len(requested) <= NEW_CHAT_REQUESTS


@pytest.mark.skip_engine("firefox", "webkit", reason="only Chromium reports what moves")
def test_nothing_moves_while_an_answer_is_written(stack, alice, open_window):
    window = open_window(stack, alice)
    window.context.add_init_script(WATCH)
    words = [f"{word} " for word in f"{RICH}\n\n{RICH}".split(" ")]
    tab, text = window.tab, prompt("Speak", text=words, rate=100, hold=[0])
    tab.start(prompt(tokens=3))
    tab.expect_state("complete")
    tab.send(text)
    expect(tab.answers).to_have_count(2)
    expect(tab.stop_button).to_be_visible()
    stack.upstream.wait(text.tag, "started")
    tab.expect_state("answering")

    # From here on the answer alone moves anything: what Enter moved counts as the reader's doing for half a second only
    begin = tab.page.evaluate(NOW)
    stack.upstream.release(text.tag)
    tab.expect_state("complete")
    shifts = [shift for shift in tab.page.evaluate("window.shifts") if shift["startTime"] > begin]
    assert sum(shift["value"] for shift in shifts) <= LAYOUT_SHIFT, shifts


@pytest.mark.long  # test_hostile.py sees that a page goes on answering, test_bounds.py how much is drawn
@pytest.mark.alone  # what a task costs depends on what else runs
def test_a_long_answer_is_drawn_without_making_the_page_wait(stack, alice, open_window):
    tab, pieces = open_window(stack, alice).tab, [f"{word} " for word in (PARAGRAPH * 1_100).split(" ")]
    with speaking(stack, alice.user.username, text=pieces, per_write=4, rate=2_500) as model:
        run = alice.send("Speak", model=model)
        tab.page.goto(f"/chats/{run.session_id}")
        with traced_tasks(tab.page) as drawing:
            tab.expect_state("complete")
            expect(tab.answers.last.locator("[data-text], [data-drawn]")).to_have_count(0, timeout=PATIENCE)
        assert len(check(run).message.content) > 100_000
    first_view = best_first_view(tab, run.session_id)
    print(f"an answer of 100 kB: {sum(drawing) / 1_000:.2f} s of CPU, the longest tasks {numbers(drawing)} ms")
    print(f"its first view: {sum(first_view) / 1_000:.2f} s of CPU, the longest tasks {numbers(first_view)} ms")
    assert sum(drawing) < DRAWING_SECONDS * 1_000
    assert drawing[0] < LONG_TASK
    assert first_view[0] < FIRST_VIEW_TASK


def best_first_view(tab, session) -> list[float]:
    """Of several loads, until one is quick enough: what else the machine does makes tasks longer, and never shorter."""
    views = []
    for _ in range(LOADS):
        views.append(first_view_of(tab, session))
        if views[-1][0] < FIRST_VIEW_TASK:
            break
    return min(views, key=lambda tasks: tasks[0])


def first_view_of(tab, session) -> list[float]:
    """The tasks of a page that is loaded."""
    tab.page.goto("/settings")
    with traced_tasks(tab.page) as tasks:
        tab.page.goto(f"/chats/{session}")
        expect(tab.answers.last).to_contain_text("in a line of text")
    return tasks


def numbers(tasks: list[float]) -> str:
    return ", ".join(f"{each:.0f}" for each in tasks[:5])
