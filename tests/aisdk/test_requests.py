"""What the addresses of the AI SDK take, from whom, and what they refuse. Nothing is committed, so nothing runs."""

import base64
import json

import pytest
from django.test import Client

from chatapp.accounts.models import Scope, Token
from chatapp.aisdk.chat_sessions import under_way
from chatapp.chats.models import Message, Session
from runs.lifecycle import transitions
from runs.models import Model, Provider, Run
from runs.queries.answers import answer_now
from runs.states import Status
from tests.files.pictures import bomb, picture

HELLO = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "hello"}]}


class Program:
    """A program with a token of this user."""

    def __init__(self, user, **values):
        token = Token.objects.create(user, **values)[1] if user else "none"
        self.user, self.client = user, Client(headers={"Authorization": f"Bearer {token}"})

    def post(self, path="", body=None, **values):
        body = json.dumps({"id": "chat", "messages": [HELLO]} | values if body is None else body)
        return self.client.post(f"/api/chat{path}", body, content_type="application/json")

    def get(self, path):
        return self.client.get(f"/api/chat/{path}")


@pytest.fixture(autouse=True)
def model(db):
    provider = Provider.objects.create(name="nowhere", base_url="http://127.0.0.1:9/v1")
    return Model.objects.create(name="model", label="Model", provider=provider, upstream_id="model", is_default=True)


@pytest.fixture
def alice(alice):
    return Program(alice)


@pytest.fixture
def bob(bob):
    return Program(bob)


@pytest.fixture
def nobody():
    return Program(None)


def message(**values) -> dict:
    return {"message": HELLO | values, "messages": None}


def data_uri(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def with_file(url: str) -> dict:
    parts = [*HELLO["parts"], {"type": "file", "mediaType": "image/png", "filename": "a.png", "url": url}]
    return {"messages": [HELLO | {"parts": parts}]}


REFUSED = {
    "no id": ({"id": None}, 422),
    "an id that is no string": ({"id": 5}, 422),
    "an id with a NUL": ({"id": "a\0b"}, 422),
    "a long id": ({"id": "x" * 201}, 422),
    "no messages": ({"messages": []}, 422),
    "an answer as the last message": ({"messages": [HELLO | {"role": "assistant"}]}, 422),
    "messages that are none": ({"messages": ["hello"]}, 422),
    "no parts": ({"messages": [{"id": "m", "role": "user"}]}, 422),
    "a text that is none": ({"messages": [HELLO | {"parts": [{"type": "text", "text": {"a": 1}}]}]}, 422),
    "a file of nothing": (with_file("data:,"), 422),
    "a file without a content": ({"messages": [HELLO | {"parts": [{"type": "file"}]}]}, 422),
    "a file's address": (with_file("https://example.org/a.png"), 422),
    "a damaged image": (with_file(data_uri(picture()[:60])), 422),
    "an image with too many pixels": (with_file(data_uri(bomb())), 413),
    "an image for a model that cannot see": (with_file(data_uri(picture())), 422),
    "a message's id that is long": ({"messages": [HELLO | {"id": "x" * 65}]}, 422),
    "an empty text": ({"messages": [HELLO | {"parts": [{"type": "text", "text": " "}]}]}, 422),
    "a long text": ({"messages": [HELLO | {"parts": [{"type": "text", "text": "x" * 100_001}]}]}, 413),
    "an unknown model": ({"model": "no-such-model"}, 422),
    "an unknown trigger": ({"trigger": "resume"}, 422),
    "an unknown way to wait": ({"when_busy": "hurry"}, 422),
    "another answer to nothing": ({"trigger": "regenerate-message"}, 404),
    "an edit of nothing": ({"messageId": "m0"}, 404),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_request_is_refused_and_begins_no_chat(alice, case):
    values, status = REFUSED[case]
    reply = alice.post(**values)
    assert (reply.status_code, reply["Content-Type"]) == (status, "application/problem+json")
    assert reply.json()["title"].endswith(".")
    assert not Session.objects.exists() and not Message.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"id": "chat", "messages": [{"role": "assistant", "parts": [{"type": "step-start"}]}, HELLO]},
        {"id": "chat", "message": HELLO},
        {"id": "chat", "message": {"role": "user", "parts": [{"type": "data-x", "data": 1}, *HELLO["parts"]]}},
        {"id": "chat", "messages": [HELLO], "trigger": "submit-message", "messageId": None, "more": 1},
    ],
)
def test_what_the_transport_sends_is_understood(alice, body):
    reply = alice.post(body=body)
    assert (reply.status_code, reply["x-vercel-ai-ui-message-stream"]) == (200, "v1")
    assert reply["Content-Type"] == "text/event-stream"
    assert Message.objects.get(role="user").content == "hello"
    assert Run.objects.get().viewer_until is None, "it depends on whoever follows it"


def test_a_message_that_is_sent_twice_is_there_once(alice):  # B21
    assert [alice.post().status_code for _ in range(2)] == [200, 200]
    assert Run.objects.count() == 1
    other = HELLO | {"parts": [{"type": "text", "text": "something else"}]}
    assert alice.post(messages=[other]).json()["code"] == "idempotency_key_reused"


def test_a_session_is_a_chat_under_its_own_id_and_a_chat_is_a_session(alice):
    session = Session.objects.create(owner=alice.user)
    alice.post(id=str(session.pk))
    assert session.messages.count() == 2
    alice.post(id="made up")
    begun = Session.objects.exclude(pk=session.pk).get()
    assert [alice.get(name).json()["messages"][0]["id"] for name in (begun.pk, "made up")] == ["m1", "m1"]


def test_the_chats_of_others_are_as_if_they_did_not_exist(alice, bob, nobody):  # B55
    alice.post()
    session = Session.objects.get()
    run = under_way(session)
    for name in ("chat", session.pk):
        for path in (name, f"{name}/stream", f"{name}/stream?run={run.pk}"):
            assert (bob.get(path).status_code, nobody.get(path).status_code) == (404, 401)
        assert (bob.post(f"/{name}/stop", {}).status_code, nobody.post(f"/{name}/stop", {}).status_code) == (404, 401)
    assert (nobody.post().status_code, nobody.get("chat")["WWW-Authenticate"].split()[0]) == (401, "Bearer")
    # A name means something to its own user only.
    assert bob.post(id=str(session.pk)).status_code == 200
    run.refresh_from_db()
    assert (run.stop_requested_at, session.messages.count()) == (None, 2)
    assert bob.get(f"{session.pk}/stream?run={run.pk}").status_code == 404


def test_nothing_is_stopped_or_streamed_where_nothing_runs(alice):
    session = Session.objects.create(owner=alice.user)
    assert alice.get(f"{session.pk}/stream").status_code == 204
    assert alice.post(f"/{session.pk}/stop", {}).json() == {"state": "already_final"}
    assert alice.get(str(session.pk)).json() == {"id": str(session.pk), "activeStreamId": None, "messages": []}
    assert alice.get(f"{session.pk}/stream?run=nonsense").status_code == 404


def test_who_asks_for_the_head_only_follows_nothing(alice):
    alice.post()
    reply = alice.client.head("/api/chat/chat/stream")
    assert (reply.status_code, reply["x-vercel-ai-ui-message-stream"], reply.body) == (200, "v1", None)


def test_what_waits_in_the_queue_is_shown_last(alice):  # B18
    alice.post()
    assert alice.post(messages=[HELLO | {"id": "m2"}]).status_code == 200
    messages = alice.get("chat").json()["messages"]
    assert [(each["role"], each["id"]) for each in messages[::2]] == [("user", "m1"), ("user", "m2")]
    assert alice.post(messages=[HELLO | {"id": "m3"}], when_busy="reject").json()["code"] == "session_busy"


def test_a_run_that_waits_is_stopped_at_once(alice):  # B37
    alice.post()
    run = Run.objects.get()
    reply = alice.post("/chat/stop", {"activeStreamId": str(run.pk)})
    assert (reply.status_code, reply.json()) == (202, {"state": "stopped"})
    assert alice.get("chat").json()["messages"][1]["metadata"]["state"] == "stopped"
    assert not run.session.runs.under_way().exists() and Run.objects.get().status == Status.STOPPED


def test_an_answer_that_ends_while_it_is_read_is_shown_as_ended(alice, monkeypatch):  # B12
    def answer_after_the_end(message, run):
        transitions.stop(run.pk)
        return answer_now(message, run)

    alice.post()
    monkeypatch.setattr("chatapp.aisdk.ui_messages.answer_now", answer_after_the_end)
    assert alice.get("chat").json()["messages"][1]["metadata"]["state"] == "stopped"


def test_a_token_that_may_only_read_looks_on_and_asks_nothing(alice):
    alice.post()
    reader = Program(alice.user, scope=Scope.READ)
    assert (reader.get("chat").status_code, reader.get("chat/stream").status_code) == (200, 200)
    for reply in (reader.post(), reader.post("/chat/stop", {})):
        assert (reply.status_code, reply.json()["code"]) == (403, "scope_missing")
    type(alice.user).objects.update(is_active=False)
    assert reader.get("chat").status_code == 401


def test_files_of_a_message_are_parts_that_may_come_back_with_it(alice):
    alice.post()
    question = Message.objects.get(role="user")
    file = question.attachments.create(position=0, name="a.txt", media_type="text/plain", size=1, text="A")
    [told, _] = alice.get("chat").json()["messages"]
    part = {"name": "a.txt", "mediaType": "text/plain", "size": 1, "text": "A", "alt": ""}
    assert told["parts"] == [
        {"type": "text", "text": "hello"},
        {"type": "data-attachment", "id": str(file.pk), "data": part},
    ]
    assert alice.post(messages=[told], trigger="regenerate-message").status_code == 200
    # It should go with another question in its place, too.
    other = told | {"parts": [{"type": "text", "text": "hello again"}, told["parts"][1]]}
    assert alice.post(messages=[other], messageId="m1").status_code == 200
    edited = Message.objects.filter(role="user").latest("id")
    assert (edited.content, edited.attachments.get().text) == ("hello again", "A")


def test_files_come_with_a_message_as_data_uris(alice, model):  # B70, B71
    Model.objects.update(has_vision=True)
    body = with_file(data_uri(picture()))
    assert alice.post(**body).status_code == 200
    image = Message.objects.get(role="user").attachments.get()
    assert (image.name, image.is_image) == ("a.png", True)
    [told, _] = alice.get("chat").json()["messages"]
    assert told["parts"][1]["data"]["mediaType"] == "image/png" and "base64" not in json.dumps(told)
    # The same message again is not sent again (B21).
    assert alice.post(**body).status_code == 200
    assert Message.objects.filter(role="user").count() == 1


def test_a_file_that_is_refused_starts_no_chat(alice):
    assert alice.post(**with_file("https://example.org/a.png")).status_code == 422
    assert not alice.user.chat_sessions.exists()
