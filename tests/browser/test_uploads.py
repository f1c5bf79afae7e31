"""Files on their way: progress, cancel, lost connections, limits that are said before, and long texts."""

import pytest

from chatapp.chats.models import Attachment, Message
from chatapp.files.models import StoredFile
from tests.browser.window import expect
from tests.files.pictures import bomb
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

FILE = {"name": "notes.md", "mimeType": "text/markdown", "buffer": b"# Wrens" * 1_000}


@pytest.fixture
def held(tab):
    """Uploads that were begun: each waits until it is continued, or is lost."""
    routes = []
    tab.page.route("**/files", lambda route: routes.append(route))
    yield routes
    tab.page.unroute("**/files")


def attach(tab, *files) -> None:
    tab.page.get_by_label("Attach files").set_input_files(list(files))


def wait_for(tab, held: list, count: int) -> None:
    wait_until(lambda: tab.page.evaluate("1") and len(held) >= count, f"{count} uploads have begun")


def test_a_file_is_uploaded_while_the_message_is_written_and_sending_waits_for_it(stack, alice, tab, held):  # B83
    tab.page.goto("/")
    attach(tab, FILE)
    progress = tab.page.get_by_role("progressbar", name="Uploading notes.md")
    expect(progress).to_be_visible()
    wait_for(tab, held, 1)
    tab.send(prompt("What is in it?", tokens=3))
    assert not Message.objects.filter(session__owner=alice.user).exists(), "it waits for the file"
    held[0].continue_()
    tab.wait_for_session()
    tab.expect_state("complete")
    attachment = Attachment.objects.get(message__session__owner=alice.user)
    assert (attachment.name, attachment.file.size) == ("notes.md", 7_000)


def test_an_upload_is_cancelled_by_removing_its_file(stack, alice, tab, held):
    tab.page.goto("/")
    attach(tab, FILE, {**FILE, "name": "other.md", "buffer": b"# Robins"})
    wait_for(tab, held, 1)
    tab.page.get_by_role("button", name="Remove notes.md").click()
    wait_for(tab, held, 2)  # it should not wait for the one that was cancelled
    held[1].continue_()
    expect(tab.page.get_by_role("progressbar")).to_have_count(0)
    wait_until(lambda: [file.name for file in StoredFile.objects.filter(owner=alice.user)] == ["other.md"], "stored")


def test_a_lost_connection_is_tried_again_and_then_offered(stack, alice, open_window):  # B83
    tab = open_window(stack, alice, expected="ERR_").tab
    attempts = []

    def lose(route) -> None:
        attempts.append(route.request.method)
        route.abort()

    tab.page.route("**/files", lose)
    tab.page.goto("/")
    attach(tab, FILE)
    retry = tab.page.get_by_role("button", name="Retry notes.md")

    def is_given_up() -> bool:
        tab.page.evaluate("dispatchEvent(new Event('online'))")  # instead of the pauses
        return retry.is_visible()

    wait_until(is_given_up, "the page offers to retry")
    assert attempts.count("POST") == 4
    expect(tab.page.get_by_role("alert")).to_have_text("The upload was interrupted.")
    tab.page.unroute("**/files")
    retry.click()
    expect(retry).to_be_hidden()
    wait_until(lambda: StoredFile.objects.filter(owner=alice.user).exists(), "stored")


def test_an_image_with_too_many_pixels_is_refused_before_anything_is_sent(stack, alice, tab, held):  # B70
    tab.page.goto("/")
    attach(tab, {"name": "bomb.png", "mimeType": "image/png", "buffer": bomb()})
    expect(tab.page.get_by_role("alert")).to_contain_text("bomb.png has too many pixels")
    expect(tab.page.get_by_role("list", name="Attached files")).to_be_hidden()
    assert held == []


def paste(tab, text: str) -> None:
    tab.field.evaluate(
        """(field, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            field.focus();
            field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )


def test_a_long_text_that_is_pasted_becomes_a_file_and_can_be_put_into_the_message(stack, alice, tab):
    text = "A line about wrens.\n" * 400
    tab.page.goto("/")
    tab.field.fill("Summarize: ")
    paste(tab, text)
    chips = tab.page.get_by_role("list", name="Attached files").get_by_role("listitem")
    expect(chips).to_have_count(1)
    expect(tab.field).to_have_value("Summarize: ")
    tab.page.get_by_role("button", name="Put pasted.txt into the message").click()
    expect(chips).to_have_count(0)
    expect(tab.field).to_have_value("Summarize: " + text)
    tab.field.fill("")
    paste(tab, text)
    expect(chips).to_have_count(1)
    tab.send(prompt("Summarize.", tokens=3))
    tab.wait_for_session()
    tab.expect_state("complete")
    assert Attachment.objects.get(message__session__owner=alice.user).text == text
