"""From the demo model alone to an answer of another model, in the browser: no terminal, no unit file."""

import re

import pytest
from django.db import connection

from chatapp.chats.models import Message
from runs.models import Model, Provider
from tests.browser.test_compare import complaints_of_axe
from tests.browser.window import expect
from tests.harness.check import wait_for_end
from tests.harness.model_server import ModelServer

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

KEY = "sk-very-secret-0123456789"
FROM_THE_SIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def demo_only(stack):
    """The stack's provider passes for the demo model's, and what the test connects goes in the end."""
    Provider.objects.filter(name="scripted").update(name=Provider.DEMO)
    yield
    Provider.objects.exclude(name=Provider.DEMO).delete()
    Provider.objects.filter(name=Provider.DEMO).update(name="scripted")
    Model.objects.filter(name="scripted").update(is_default=True)


@pytest.fixture
def server():
    server = ModelServer("llama3.2:3b", "Qwen/Qwen3-8B", "nomic-embed-text")
    yield server
    server.close()


@pytest.fixture
def charlie(stack):
    return stack.person("charlie")


def last_answer(person) -> Message:
    return Message.objects.filter(session__owner=person.user, role="assistant").latest("created_at")


def test_from_the_demo_to_an_answer_of_a_server_that_is_found(
    charlie, demo_only, server, make_web, open_window, engine
):
    site = make_web(DISCOVERY_PORTS=str(server.port))
    window = open_window(site, charlie, viewport={"width": 320, "height": 640})
    page, tab = window.page, window.tab

    def look() -> None:
        assert engine != "chromium" or complaints_of_axe(page) == []  # it reads the markup, which is the same in all
        assert page.evaluate(FROM_THE_SIDE) <= 0

    page.goto("/")
    page.get_by_role("link", name="Connect a better model").click()
    look()
    assert server.requests == []  # nothing is asked before somebody wants it
    page.get_by_role("button", name="Look for model servers").press("Enter")
    found = page.get_by_role("listitem").filter(has_text=f"Port {server.port} · 3 models")
    expect(found).to_contain_text("Ollama")
    look()
    found.get_by_role("button", name="Connect Ollama").press("Enter")
    expect(page.get_by_role("heading", name="Models of Ollama")).to_be_visible()
    expect(page.get_by_text("2 of 3 chosen")).to_be_visible()  # without the one that only embeds
    look()
    page.get_by_role("searchbox", name="Search models").fill("QWEN 8b")
    expect(page.get_by_role("checkbox")).to_have_count(1)
    page.get_by_role("button", name="Select none").click()
    expect(page.get_by_text("1 of 3 chosen, 1 shown")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    expect(page.get_by_text("Ollama now offers 1 model.")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="llama3.2:3b")).to_contain_text("Default")
    look()
    page.get_by_role("link", name="llama3.2:3b").click()
    look()

    page.goto("/")
    expect(page.get_by_role("button", name="Model: llama3.2:3b")).to_be_visible()
    expect(page.get_by_role("link", name="Connect a better model")).to_have_count(0)
    tab.send("Where are you?")
    tab.wait_for_session()
    expect(tab.answer).to_have_text(re.compile("Hello from here."))
    tab.expect_state("complete")
    assert last_answer(charlie).content.strip() == server.answer


@pytest.mark.long  # tests/web/test_connecting.py posts the form
def test_without_a_script_a_key_is_typed_once_and_is_nowhere_to_be_read(stack, charlie, demo_only, open_window):
    server = ModelServer("m-1", key=KEY, owner="gateway")
    try:
        page = open_window(stack, charlie, java_script_enabled=False).page
        page.goto("/models/connect")
        page.get_by_role("link", name="Enter an address").click()
        page.get_by_label("Name", exact=True).fill("Gateway")
        page.get_by_label("Address").fill(server.base_url)
        page.get_by_label("No key").check()
        page.get_by_role("button", name="Test and choose models").click()
        expect(page.get_by_text("Gateway doesn’t respond as expected")).to_be_visible()
        page.get_by_label("A key, stored here and encrypted").check()
        page.get_by_label("Key", exact=True).fill(KEY)
        page.get_by_role("button", name="Test and choose models").click()
        page.get_by_role("button", name="Select none").click()
        page.get_by_role("button", name="Select all").click()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Gateway now offers 1 model.")).to_be_visible()
        page.get_by_role("button", name="Test m-1").click()
        expect(page.get_by_text("m-1: OK after")).to_be_visible()

        run = charlie.send("Hello?", model="m-1")
        wait_for_end(run)
        assert last_answer(charlie).content.strip() == server.answer
        seen = [page.goto(path).text() for path in ("/models", f"/models/providers/{Provider.objects.latest('pk').pk}")]
        assert KEY not in "".join(seen) and KEY not in everything_stored() and KEY not in everything_logged(stack)
    finally:
        server.close()


def everything_stored() -> str:
    """All rows of all tables."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows.append(repr(cursor.fetchall()))
    assert len(tables) > 20
    return "\n".join(rows)


def everything_logged(stack) -> str:
    logs = [part.log_path.read_text() for part in (stack.web, stack.worker)]
    assert all(logs)
    return "".join(logs)
