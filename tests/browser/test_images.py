"""Images in the form that sends: chosen, dropped, pasted, described, refused before they are sent, and shown."""

import base64

import pytest

from chatapp.chats.models import Attachment, Message
from runs.models import Model
from tests.browser.window import expect, last_run
from tests.files.pictures import picture
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


@pytest.fixture(autouse=True)
def eye(stack):
    """A model that sees, beside the default, which does not."""
    default = Model.objects.get(is_default=True)
    values = {"provider": default.provider, "upstream_id": default.upstream_id, "has_vision": True}
    yield Model.objects.create(name="eye", label="An Eye", **values)
    Model.objects.filter(name="eye").delete()


def transfer(tab, kind: str, target: str, name: str, content: bytes) -> None:
    """Paste or drop an image, as a browser does."""
    tab.page.evaluate(
        """([kind, target, name, content]) => {
            const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], name, { type: "image/png" }));
            const options = { bubbles: true, cancelable: true };
            const event = kind === "drop"
              ? new DragEvent("drop", { dataTransfer: data, ...options })
              : new ClipboardEvent("paste", { clipboardData: data, ...options });
            document.querySelector(target).dispatchEvent(event);
        }""",
        [kind, target, name, base64.b64encode(content).decode()],
    )


def is_shown(image) -> bool:
    return image.evaluate("(image) => image.complete && image.naturalWidth > 0")


def test_images_are_chosen_dropped_and_pasted_and_shown(stack, alice, tab):  # B70
    tab.page.goto("/")
    chosen = {"name": "chosen.png", "mimeType": "image/png", "buffer": picture(size=(400, 300))}
    tab.page.get_by_label("Attach files").set_input_files([chosen])
    transfer(tab, "drop", "body", "dropped.png", picture(size=(300, 200)))
    transfer(tab, "paste", "[data-text-field]", "pasted.png", picture(size=(200, 100)))
    chips = tab.page.get_by_role("list", name="Attached files").get_by_role("listitem")
    expect(chips).to_have_count(3)
    # It should say at once that the model cannot see, and stop saying so when another one is chosen.
    alert = tab.page.get_by_role("alert")
    expect(alert).to_have_text("This model can’t see images. These can: An Eye.")
    choose(tab, "An Eye")
    expect(alert).to_be_hidden()
    tab.page.get_by_label("Description of chosen.png").fill("Two colours")
    tab.page.get_by_role("button", name="Remove dropped.png").click()
    expect(tab.page.get_by_label("Description of chosen.png")).to_have_value("Two colours")
    tab.send(prompt("Which bird?", tokens=3))
    tab.wait_for_session()
    tab.expect_state("complete")
    images = tab.questions.last.get_by_role("img")
    expect(images).to_have_count(2)
    expect(images.first).to_have_attribute("alt", "Two colours")
    for image in images.all():
        image.scroll_into_view_if_needed()
        wait_until(lambda image=image: is_shown(image), "the image is shown")
    question = Message.objects.get(session__owner=alice.user, role="user")
    named = question.attachments.values_list("name", "alt")
    assert list(named) == [("chosen.png", "Two colours"), ("pasted.png", "")]
    check(last_run(alice))
    # It should show the whole image.
    images.first.click()
    wait_until(lambda: "/files/" in tab.page.url, "the image has been opened")


def choose(tab, label: str) -> None:
    tab.page.locator("#composer").get_by_role("button", name="Model").first.click()
    tab.page.get_by_role("option", name=label).click()


@pytest.mark.long  # tests/web/test_images.py refuses it
def test_what_cannot_be_sent_is_said_before_it_is(stack, alice, tab):
    tab.page.goto("/")
    # Smaller limits than the site's: a browser test need not make 20 MB.
    tab.page.evaluate("""() => {
        Object.assign(document.querySelector("#composer").dataset, { maxFileBytes: 2000, maxFiles: 2, maxBytes: 3000 });
    }""")
    field, alert = tab.page.get_by_label("Attach files"), tab.page.get_by_role("alert")
    chips = tab.page.get_by_role("list", name="Attached files").get_by_role("listitem")

    def choose_file(name: str, kind: str, size: int) -> None:
        field.set_input_files([{"name": name, "mimeType": kind, "buffer": b"x" * size}])

    choose_file("large.txt", "text/plain", 2_001)
    expect(alert).to_have_text("large.txt is too large (2.0 kB). The limit is 2.0 kB.")
    choose_file("phone.heic", "image/heic", 10)
    expect(alert).to_have_text("phone.heic: images of this kind can't be read. Save it as PNG, JPEG or WebP.")
    choose_file("nothing.png", "image/png", 0)
    expect(alert).to_have_text("nothing.png is empty.")
    expect(chips).to_have_count(0)
    choose_file("a.txt", "text/plain", 1_900)
    choose_file("b.txt", "text/plain", 1_900)
    expect(alert).to_have_text("Together, the files exceed 3.0 kB.")
    choose_file("b.txt", "text/plain", 10)
    choose_file("c.txt", "text/plain", 10)
    expect(alert).to_have_text("You can attach at most 2 files to a message.")
    expect(chips).to_have_count(2)
    assert not Attachment.objects.filter(message__session__owner=alice.user).exists()


@pytest.mark.long  # test_composer.py: drafts keep files
def test_an_image_stays_in_the_draft_with_what_it_shows(stack, alice, tab):  # B83
    tab.page.goto("/")
    chosen = {"name": "chosen.png", "mimeType": "image/png", "buffer": picture()}
    tab.page.get_by_label("Attach files").set_input_files([chosen])
    tab.page.get_by_label("Description of chosen.png").fill("Two colours")
    tab.field.fill("Which bird?")  # which ends the description
    wait_until(lambda: kept_descriptions(tab) == ["Two colours"], "the browser has kept it")
    tab.page.reload()
    expect(tab.page.get_by_label("Description of chosen.png")).to_have_value("Two colours")


def kept_descriptions(tab) -> list[str]:
    return tab.page.evaluate("""() => new Promise((resolve) => {
        indexedDB.open("drafts", 1).onsuccess = ({ target: { result: database } }) => {
            const request = database.transaction("files").objectStore("files").getAll();
            request.onsuccess = () => { database.close(); resolve(request.result.flat().map(({ alt }) => alt)); };
        };
    })""")
