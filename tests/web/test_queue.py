"""Messages that wait behind an answer: cards below the transcript, changed by plain forms (B18, B19, B56)."""

import re

import pytest

from chatapp.chats.models import Message
from chatapp.web.chat import page as session_page
from runs.lifecycle import transitions
from runs.lifecycle.start import start_next
from runs.lifecycle.stop import request_stop
from runs.models import Run
from runs.queries.branches import shown_ids
from runs.states import Status

SCRIPT = {"headers": {"X-Requested-With": "fetch"}}


@pytest.fixture
def running(ask, write):
    """An answer that is being written."""
    return write(ask("First"), "Some")


@pytest.fixture
def waiting(running, ask):
    """Two messages that wait behind it."""
    return [ask(text, session=running.session) for text in ("Second", "Third")]


def complete(run: Run) -> None:
    transitions.complete(run.id, "stop")
    start_next(run.session_id)  # as on commit


def page_of(browser, run) -> str:
    return browser.get(f"/chats/{run.session_id}").content.decode()


def cards(page: str) -> list[str]:
    return re.findall(r'<p class="waiting__text" dir="auto" tabindex="0">(.*?)</p>', page, re.DOTALL)


def test_what_waits_is_a_card_and_not_in_the_transcript(browser, running, waiting):  # B18
    page = page_of(browser, running)
    assert cards(page) == ["Second", "Third"]
    assert page.count("<article") == 2
    assert re.search(r"<main.*?</main>", page, re.DOTALL)[0].count("Second") == 0


def test_without_anything_that_waits_there_is_no_queue_to_see(browser, running):
    assert '<section class="queue" data-queue aria-label="Queued messages" hidden>' in page_of(browser, running)


def test_what_is_sent_in_mid_run_waits(browser, running):  # B18
    url = browser.post(f"/chats/{running.session_id}/messages", {"text": "Second"}).url
    assert cards(browser.get(url).content.decode()) == ["Second"]
    assert Run.objects.latest("queued_at").task_id is None


def test_a_card_is_edited_removed_and_sent_now(browser, running, waiting):  # B18
    second, third = waiting
    browser.post(f"/runs/{second.pk}/edit", {"text": "Second\r\nthought"})
    assert cards(page_of(browser, running)) == ["Second\nthought", "Third"]
    browser.post(f"/runs/{third.pk}/send-now")
    assert cards(page_of(browser, running))[0] == "Third"
    running.refresh_from_db()
    assert running.stop_reason == "replaced"
    assert browser.post(f"/runs/{second.pk}/remove").url == f"/chats/{running.session_id}#end"
    assert cards(page_of(browser, running)) == ["Third"]


def test_the_script_gets_the_new_queue(browser, running, waiting):
    after = str(running.message.parent_id)
    part = browser.post(f"/runs/{waiting[0].pk}/remove", {"after": after}, **SCRIPT).content.decode()
    assert cards(part) == ["Third"]
    assert part.count("<article") == 1  # the answer, which may have changed


def test_when_the_turn_of_a_message_has_come_its_card_says_so(browser, running, waiting):
    complete(running)
    for act in ("edit", "remove", "send-now"):
        form = {"text": "Too late"}
        response = browser.post(f"/runs/{waiting[0].pk}/{act}", form)
        assert response.status_code == 422
        assert "This message is no longer in the queue." in response.content.decode()
        told = browser.post(f"/runs/{waiting[0].pk}/{act}", form, **SCRIPT)
        assert told.json()["code"] == "not_queued"


@pytest.mark.parametrize(("text", "sentence"), [(" ", "is empty"), ("x" * 100_001, "is too long")])
def test_a_card_keeps_its_text_if_the_new_one_will_not_do(browser, running, waiting, text, sentence):
    response = browser.post(f"/runs/{waiting[0].pk}/edit", {"text": text})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert cards(page_of(browser, running)) == ["Second", "Third"]


def test_the_next_message_stands_in_the_transcript_when_its_turn_has_come(browser, running, waiting, write):  # B19
    complete(running)
    second = Run.objects.get(pk=waiting[0].pk)
    assert (second.status, second.task_id is None) == (Status.QUEUED, False)
    coming = page_of(browser, running)  # no worker has begun it yet
    write(second, "Some more")
    begun = page_of(browser, running)
    for page in (coming, begun):
        assert cards(page) == ["Third"]
        assert page.count("<article") == 4
        assert page.index("First") < page.index("Second") < page.index("Third")
        assert f'formaction="/runs/{second.pk}/stop"' in page


def test_a_message_that_begins_while_the_page_is_made_is_shown_once(browser, running, waiting, write, monkeypatch):
    """It was in neither place: the transcript had been looked at before, the queue after it had begun. As the page
    then followed nothing, the answer did not come until a reload."""
    transitions.complete(running.id, "stop")

    def ids_once_begun(session, active):
        start_next(session.pk)
        write(Run.objects.get(pk=waiting[0].pk), "Some more")
        return shown_ids(session, active)

    monkeypatch.setattr(session_page, "shown_ids", ids_once_begun)
    page = page_of(browser, running)
    assert cards(page) == ["Third"]
    assert page.count("<article") == 4
    assert f'data-stream="{waiting[0].pk}"' in page
    assert f'data-queued="{waiting[0].pk}"' not in page


def test_after_a_stop_the_queue_is_held_until_it_is_released(browser, running, waiting):  # B19
    request_stop(running, by=None)
    transitions.stop(running.id)
    page = page_of(browser, running)
    assert "Queue paused" in page
    assert cards(page) == ["Second", "Third"]
    browser.post(f"/chats/{running.session_id}/queue/release")
    page = page_of(browser, running)
    assert "are held" not in page
    assert cards(page) == ["Third"]


def test_a_held_queue_can_be_discarded(browser, running, waiting):  # B19
    transitions.stop(running.id)
    browser.post(f"/chats/{running.session_id}/queue/discard")
    page = page_of(browser, running)
    assert "are held" not in page
    assert cards(page) == []
    assert [message.content for message in Message.objects.all()] == ["First", "Some"]


def test_a_queue_of_which_nothing_is_left_is_not_held(browser, running, waiting, write):
    """A message sent after the last card had gone was held, although nobody had stopped anything since."""
    transitions.stop(running.id)
    browser.post(f"/runs/{waiting[0].pk}/remove")
    browser.post(f"/runs/{waiting[1].pk}/send-now")
    write(Run.objects.get(pk=waiting[1].pk), "Some more")
    page = browser.post(f"/chats/{running.session_id}/messages", {"text": "Fourth"}, **SCRIPT).content.decode()
    assert cards(page) == ["Fourth"]
    assert "are held" not in page


def test_what_is_written_on_a_card_does_nothing(browser, running, ask):  # B58
    ask("<script>alert(1)</script>", session=running.session)
    assert "<script>alert" not in page_of(browser, running)
