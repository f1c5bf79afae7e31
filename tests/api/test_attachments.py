"""Files that were sent with messages, as programs see them."""

import pytest

from chatapp.chats.models import Attachment, Message
from runs.actions import send
from runs.lifecycle import transitions
from runs.models import Run
from runs.upstream.request import build_request
from tests.api.test_errors import assert_problem

NOTES = {"name": "notes.md", "media_type": "text/markdown", "size": 7, "text": "Wrens\n"}
LIST = {"name": "list.csv", "media_type": "text/csv", "size": 3, "text": "1,2"}
SHOWN_NOTES, SHOWN_LIST = NOTES | {"file": None}, LIST | {"file": None}
LOOKS_LIKE_FILES = "File: a\n```\n```\n\n" * 5_529 + "x"


@pytest.fixture
def sent(alice, session, model):
    """`sent("text")`: a run of alice's with two files in its question."""

    def sent(text="Look", **options) -> Run:
        return send(session, text, files=[Attachment(**NOTES), Attachment(**LIST)], user=alice.user, **options)

    return sent


def contents(run_id) -> list[str]:
    run = Run.objects.select_related("session", "model__provider", "message").get(pk=run_id)
    return [message["content"] for message in build_request(run).payload["messages"]]


def test_a_message_has_its_files_wherever_it_is_read(alice, session, sent):
    run = sent()
    question = run.message.parent_id
    for path in (f"sessions/{session.pk}/messages", f"sessions/{session.pk}/branch", f"messages/{question}/siblings"):
        first = alice.get(path).json()["items"][0]
        assert (first["content"], first["attachments"]) == ("Look", [SHOWN_NOTES, SHOWN_LIST]), path
    assert alice.get(f"messages/{question}").json()["attachments"] == [SHOWN_NOTES, SHOWN_LIST]
    assert alice.get(f"messages/{run.message_id}").json()["attachments"] == []
    document = alice.get(f"sessions/{session.pk}/export.json").json()
    assert [message["attachments"] for message in document["messages"]] == [[SHOWN_NOTES, SHOWN_LIST], []]
    assert b"File: notes.md\n```\nWrens\n```" in alice.get(f"sessions/{session.pk}/export.md").content


def test_a_page_of_messages_reads_its_files_at_once(alice, session, sent, django_assert_max_num_queries):
    transitions.stop(sent().pk)
    path = f"sessions/{session.pk}/messages"
    with django_assert_max_num_queries(100) as few:
        alice.get(path)
    for _ in range(5):
        transitions.stop(sent().pk)
    with django_assert_max_num_queries(len(few)):
        assert len(alice.get(path).json()["items"]) == 12


def test_a_question_asked_otherwise_again_or_in_the_queue_keeps_its_files(alice, session, sent):  # B18, B40
    first = sent("")
    waiting = sent("Then this")
    item = alice.get(f"sessions/{session.pk}/queue").json()["items"][0]
    assert (item["text"], item["attachments"]) == ("Then this", [SHOWN_NOTES, SHOWN_LIST])
    changed = alice.patch(f"runs/{waiting.pk}/waiting", {"text": ""})
    assert (changed.json()["text"], changed.json()["attachments"]) == ("", [SHOWN_NOTES, SHOWN_LIST])
    edited = alice.post(f"messages/{first.message.parent_id}/edit", {"text": "Look again"}).json()
    assert edited["message"]["attachments"] == [SHOWN_NOTES, SHOWN_LIST]
    files = "File: notes.md\n```\nWrens\n```\n\nFile: list.csv\n```\n1,2\n```"
    assert contents(edited["run"]["id"]) == [f"Look again\n\n{files}"]
    transitions.stop(first.pk)
    again = alice.post(f"runs/{first.pk}/again", {}).json()
    assert contents(again["run"]["id"]) == [files]


def test_the_same_key_with_other_files_is_another_request(alice, session, sent, model):  # B21
    first = sent(key="k")
    assert sent(key="k") == first
    with pytest.raises(Exception, match="already used for a different request"):
        send(session, "Look", files=[Attachment(**NOTES)], user=alice.user, key="k")
    assert_problem(
        alice.post(f"sessions/{session.pk}/messages", {"text": "Look"}, headers={"Idempotency-Key": "k"}),
        422,
        "idempotency_key_reused",
    )
    assert Message.objects.filter(role="user").count() == 1


def test_a_program_s_text_that_looks_like_files_is_its_own_words(alice, session, model):
    run = alice.ask(session, LOOKS_LIKE_FILES)
    message = alice.get(f"messages/{run.message.parent_id}").json()
    assert (message["content"], message["attachments"]) == (LOOKS_LIKE_FILES, [])
    assert contents(run.pk) == [LOOKS_LIKE_FILES]


def test_a_chat_of_a_file_alone_is_found_by_its_words(alice, session, sent):
    sent("")
    for query in ("wrens", "notes", "1,2 wrens"):
        items = alice.get(f"sessions?q={query}").json()["items"]
        assert [item["id"] for item in items] == [str(session.pk)], query
