"""Images and files in requests: data URIs and uploaded files, seen by models that can, and nothing is ever fetched."""

import base64
import json

import openai
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chatapp.chats.models import Attachment, Message, Session
from chatapp.files.actions import store
from chatapp.files.deletion import delete_due
from chatapp.files.models import StoredFile
from chatapp.openai.models import Exchange
from runs.actions import delete_session, send
from runs.models import Model, Run
from runs.upstream.request import build_request
from tests.files.pictures import bomb, picture
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken
from tests.openai.test_conversations import finish
from tests.openai.test_refusals import assert_refused

PNG = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
NOTES = f"data:text/plain;base64,{base64.b64encode(b'Wrens').decode()}"
TEXT = {"type": "text", "text": "Which bird?"}


def chat_image(url: str = PNG, **more) -> dict:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def chat(*parts, role="user") -> dict:
    return {"messages": [{"role": role, "content": list(parts)}]}


def responses(*parts, role="user") -> dict:
    return {"input": [{"role": role, "content": list(parts)}], "background": True}


@pytest.fixture
def seeing(model):
    Model.objects.update(has_vision=True)
    return model


@pytest.fixture
def asked(program, seeing):
    """`asked("responses", body)`: what the model gets."""

    def asked_(path: str, body: dict) -> list[dict]:
        program.ask("POST", path, body)
        run = Run.objects.select_related("session", "message", "model__provider").latest("id")
        return build_request(run).payload["messages"]

    return asked_


# -- in process --------------------------------------------------------------------------------------


def test_a_response_s_image_goes_upstream_as_a_data_uri(asked):  # B71
    text = {"type": "input_text", "text": "Which bird?"}
    [message] = asked("responses", responses(text, {"type": "input_image", "image_url": PNG, "detail": "low"}))
    assert message["content"][0] == TEXT
    image = message["content"][1]["image_url"]
    assert image["url"].startswith("data:image/png;base64,") and image["detail"] == "low"
    exchange = Exchange.objects.get()
    assert "base64" not in json.dumps(exchange.input), "in no request as it is stored"
    assert exchange.input[0]["content"][1]["file_id"] == f"file-{StoredFile.objects.get().pk.hex}"
    assert exchange.characters < 1_000


def test_an_uploaded_image_and_an_uploaded_text_are_named_by_their_ids(asked, alice):
    image = store(alice, SimpleUploadedFile("a.png", picture()), "a.png")
    notes = store(alice, SimpleUploadedFile("notes.md", b"Wrens"), "notes.md")
    ids = [f"file-{file.pk.hex}" for file in (image, notes)]
    parts = [{"type": "input_image", "file_id": ids[0]}, {"type": "input_file", "file_id": ids[1]}]
    [message] = asked("responses", responses(*parts))
    assert [part["type"] for part in message["content"]] == ["image_url", "text"]
    assert message["content"][1]["text"] == "File: notes.md\n```\nWrens\n```"


def test_a_file_of_text_becomes_text(asked):
    [message] = asked("responses", responses({"type": "input_file", "file_data": NOTES, "filename": "a.txt"}))
    assert message["content"] == "File: a.txt\n```\nWrens\n```"


def test_an_image_is_held_by_its_request_and_goes_with_it(asked, alice):  # B69
    asked("responses", responses({"type": "input_image", "image_url": PNG}))
    assert Attachment.objects.get().file.kept_until is None
    assert delete_due() == 0
    delete_session(Run.objects.get().session, by=alice)
    assert delete_due() == 1


def test_the_items_of_a_response_name_its_files(asked, program):
    asked("responses", responses({"type": "input_image", "image_url": PNG}))
    response_id = Exchange.objects.get().response_id
    [item] = program.ask("GET", f"responses/{response_id}/input_items").json()["data"]
    file_id = f"file-{StoredFile.objects.get().pk.hex}"
    assert item["content"] == [{"type": "input_image", "detail": "auto", "file_id": file_id}]


def test_a_model_that_cannot_see_is_not_asked(program, model):
    response = program.ask("POST", "responses", responses({"type": "input_image", "image_url": PNG}))
    assert_refused(response, 400, "images_not_seen")
    assert "Betula can't see images." in response.json()["error"]["message"]
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "address", ["https://example.org/a.png", "http://127.0.0.1:9/a", "file:///etc/passwd", "ftp://a"]
)
def test_an_address_is_never_fetched_and_never_passed_on(program, seeing, address):  # B71
    bodies = {
        "chat/completions": chat(TEXT, chat_image(address)),
        "responses": responses({"type": "input_image", "image_url": address}),
    }
    for path, body in bodies.items():
        response = program.ask("POST", path, body)
        assert (response.status_code, response.json()["error"]["code"]) == (400, "unsupported_parameter")
    response = program.ask("POST", "responses", responses({"type": "input_file", "file_url": address}))
    assert_refused(response, 400, "unsupported_parameter", "input[0].content[0].file_url")
    assert not Message.objects.exists()


def test_a_reference_of_ours_cannot_be_made_up(program, seeing, bob):  # B55
    foreign = store(bob, SimpleUploadedFile("a.png", picture()), "a.png")
    response = program.ask("POST", "chat/completions", chat(TEXT, chat_image(f"chatapp-file:{foreign.pk}")))
    assert response.status_code == 400
    body = responses({"type": "input_image", "file_id": f"file-{foreign.pk.hex}"})
    assert_refused(program.ask("POST", "responses", body), 404, "file_not_found", "input[0].content[0].file_id")
    assert not Message.objects.exists()


BAD_IMAGES = {
    "too many pixels": (bomb(), 413, "image_too_large"),
    "cut off": (picture()[:60], 400, "image_invalid"),
    "of another type than it says": (b"%PDF-1.7\n\xe2\xe3", 400, "document_invalid"),
    "a text": (b"Wrens", 400, "invalid_value"),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_an_image_that_is_refused_has_a_code_and_starts_nothing(program, seeing, name):
    content, status, code = BAD_IMAGES[name]
    url = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    response = program.ask("POST", "chat/completions", chat(TEXT, chat_image(url)))
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "url", ["data:image/png;base64,###", "data:image/png;base64,", "data:image/png,abc", "", 5, None]
)
def test_what_is_no_data_uri_is_refused(program, seeing, url):
    response = program.ask("POST", "chat/completions", chat(TEXT, chat_image(url)))
    assert response.status_code == 400
    assert response.json()["error"]["param"].startswith("messages[0].content[1].image_url")


def test_only_so_many_images_go_with_one_request(program, seeing, settings):
    settings.PROMPT_MAX_FILES = 1
    response = program.ask("POST", "chat/completions", chat(chat_image(), chat_image()))
    assert_refused(response, 400, "too_many_attachments")
    assert not StoredFile.objects.exists()


@pytest.mark.parametrize("role", ["system", "assistant"])
def test_only_the_user_s_messages_have_images(program, seeing, role):
    response = program.ask("POST", "chat/completions", chat(chat_image(), role=role))
    assert_refused(response, 400, "unsupported_parameter", "messages[0].content[0].type")


CALL = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
SEEN = {"type": "input_text", "text": "Here"}


def test_images_in_the_result_of_a_tool_follow_it_as_the_user_s(asked):
    """Servers take text only as the result of a tool."""
    outputs = [
        {"type": "function_call_output", "call_id": call, "output": [SEEN, {"type": "input_image", "image_url": PNG}]}
        for call in ("call_1", "call_2")
    ]
    asking = {"role": "user", "content": "Look"}
    calls = [CALL, CALL | {"call_id": "call_2"}]
    messages = asked("responses", {"input": [asking, *calls, *outputs, asking], "background": True})
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user", "user"]
    assert messages[2]["content"] == "Here\n[The images of this result follow.]"
    kinds = [part["type"] for part in messages[4]["content"]]
    assert kinds == ["text", "image_url", "text", "image_url"]
    assert messages[4]["content"][2]["text"] == "[Images of the result of call_2]"
    assert messages[4]["content"][3]["image_url"]["url"].startswith("data:image/png;base64,")
    assert Attachment.objects.count() == 2, "held by the request"


def test_the_result_of_a_tool_in_a_chat_has_images_and_files_too(asked, transactional_db):
    """There is no broker here, so the request ends with an error."""
    calling = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": CALL_OF_CHAT}]}
    parts = [chat_image(), {"type": "file", "file": {"file_data": NOTES, "filename": "a.txt"}}]
    tool = {"role": "tool", "tool_call_id": "c", "content": parts}
    messages = asked("chat/completions", {"messages": [{"role": "user", "content": "Look"}, calling, tool]})
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "user"]
    assert messages[2]["content"] == "File: a.txt\n```\nWrens\n```\n[The images of this result follow.]"


CALL_OF_CHAT = {"name": "look", "arguments": "{}"}


def test_an_image_in_a_conversation_goes_upstream_and_is_shown_on_its_page(program, seeing, client, alice):  # B80
    chat, image = Session.objects.create(owner=alice), {"type": "input_image", "image_url": PNG, "detail": "low"}
    notes = {"type": "input_file", "file_data": NOTES, "filename": "a.txt"}
    body = responses({"type": "input_text", "text": "Which bird?"}, image, notes) | {"conversation": str(chat.pk)}
    first = run_of(program.ask("POST", "responses", body))
    attachment = first.message.parent.attachments.get()
    assert attachment.file.kept_until is None
    [question] = sent_upstream(first)
    assert [part["type"] for part in question["content"]] == ["text", "image_url", "text"]
    assert question["content"][1]["image_url"]["detail"] == "low"
    client.force_login(alice)
    page = client.get(f"/chats/{chat.pk}").content.decode()
    assert f"/files/{attachment.file_id}" in page
    # It should be among the conversation's items, and a history with it is the same chat.
    finish(first, "A wren.")
    items = program.ask("GET", f"conversations/{chat.pk}/items?order=asc").json()["data"]
    assert [part["type"] for part in items[0]["content"]] == ["input_text", "input_image", "input_text"]
    history = [*items, {"role": "user", "content": "Sure?"}]
    second = run_of(program.ask("POST", "responses", history_of(chat, history)))
    assert [message["role"] for message in sent_upstream(second)] == ["user", "assistant", "user"]
    again = [body["input"][0], {"role": "assistant", "content": "A wren."}, {"role": "user", "content": "Sure?"}]
    finish(second, "Yes.")
    again = [*again, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Thanks"}]
    third = run_of(program.ask("POST", "responses", history_of(chat, again)))
    assert chat.messages.count() == 6
    # It should not be sent to a model that cannot see.
    Model.objects.update(has_vision=False)
    sent = sent_upstream(third)
    assert sent[0]["content"] == "Which bird?\n[Image: image.png]\nFile: a.txt\n```\nWrens\n```"
    # It should be seen by the model when a person goes on.
    Model.objects.update(has_vision=True)
    finish(third, "You are welcome.")
    chat.refresh_from_db()
    mine = sent_upstream(send(chat, "Which bird, again?", user=alice))
    assert [part["type"] for part in mine[0]["content"]] == ["text", "image_url"]


def run_of(response) -> Run:
    assert response.status_code == 200, response.content
    return Run.objects.get(pk=response.json()["id"].removeprefix("resp_"))


def sent_upstream(run: Run) -> list[dict]:
    run = Run.objects.select_related("session", "message__parent", "model__provider").get(pk=run.pk)
    return build_request(run).payload["messages"]


def history_of(chat: Session, history: list[dict]) -> dict:
    return {"input": history, "background": True, "metadata": {"session": str(chat.pk)}}


def test_the_result_of_a_tool_in_a_conversation_has_images(program, seeing, alice):  # B80
    chat = Session.objects.create(owner=alice)
    tools = {"tools": [{"type": "function", "name": "look"}], "conversation": str(chat.pk), "background": True}
    first = run_of(program.ask("POST", "responses", {"input": "Look", **tools}))
    finish(first, "", [{"index": 0, "id": "call_1", **CALL_OF_CHAT}])
    output = [SEEN, {"type": "input_image", "image_url": PNG}]
    result = {"type": "function_call_output", "call_id": "call_1", "output": output}
    second = run_of(program.ask("POST", "responses", {"input": [result], **tools}))
    assert [message["role"] for message in sent_upstream(second)] == ["user", "assistant", "tool", "user"]
    question = second.message.parent
    assert (question.content, question.attachments.count()) == ("Result of look:\n\nHere", 1)
    items = program.ask("GET", f"conversations/{chat.pk}/items").json()["data"]
    assert [part["type"] for part in items[-3]["output"]] == ["input_text", "input_image"], items


def test_a_conversation_begins_with_images(program, seeing, alice):
    question = {"role": "user", "content": [{"type": "input_image", "image_url": PNG}]}
    items = [question, {"role": "assistant", "content": "A wren."}]
    assert program.ask("POST", "conversations", {"items": items}).status_code == 200
    assert Attachment.objects.get().file.kept_until is None
    chat = Session.objects.get()
    run = send(chat, "Sure?", user=alice)
    assert sent_upstream(run)[0]["content"][0]["type"] == "image_url"


def test_an_image_in_a_conversation_is_refused_where_it_cannot_be_seen(program, model, alice, bob):
    image = {"type": "input_image", "image_url": PNG}
    foreign = Session.objects.create(owner=bob)
    response = program.ask("POST", "responses", responses(image) | {"conversation": str(foreign.pk)})
    assert (response.status_code, response.json()["error"]["code"]) == (404, "conversation_not_found")
    assert not StoredFile.objects.exists(), "nothing is stored for a chat of somebody else's"
    chat = Session.objects.create(owner=alice)
    response = program.ask("POST", "responses", responses(image) | {"conversation": str(chat.pk)})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "images_not_seen")
    assert not Message.objects.exists()


def test_a_file_of_another_user_does_not_exist(program, bob):  # B55
    foreign = store(bob, SimpleUploadedFile("a.txt", b"Wrens"), "a.txt")
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        response = program.ask(method, f"files/file-{foreign.pk.hex}{path}")
        assert_refused(response, 404, "file_not_found", "file_id")


# -- the real client ---------------------------------------------------------------------------------


@pytest.fixture
def eye(stack):
    """A model that sees."""
    default = Model.objects.get(is_default=True)
    values = {"provider": default.provider, "upstream_id": default.upstream_id, "has_vision": True}
    yield Model.objects.create(name="eye-of-programs", label="An Eye", **values).name
    Model.objects.filter(name="eye-of-programs").delete()


def test_openai_s_client_sends_images_and_files(stack, sdk, eye):
    client = sdk(stack.person("alice"))
    file = client.files.create(file=("notes.md", b"Wrens"), purpose="user_data")
    assert (file.filename, file.bytes, file.status) == ("notes.md", 5, "processed")
    assert client.files.content(file.id).read() == b"Wrens"
    assert [each.id for each in client.files.list().data] == [file.id]
    image = client.files.create(file=("a.png", picture(size=(30, 40))), purpose="vision")
    say = {"type": "text", "text": prompt(tokens=3)}
    completion = client.chat.completions.create(
        model=eye,
        messages=[{"role": "user", "content": [say, chat_image(), {"type": "file", "file": {"file_id": file.id}}]}],
    )
    assert completion.choices[0].message.content == spoken(3)
    run = Run.objects.get(pk=completion.id.removeprefix("chatcmpl-"))
    assert check(run).message.parent.attachments.count() == 1
    parts = [
        {"type": "input_text", "text": prompt(tokens=4)},
        {"type": "input_image", "file_id": image.id, "detail": "auto"},
    ]
    first = client.responses.create(model=eye, input=[{"role": "user", "content": parts}])
    assert first.output_text == spoken(4)
    second = client.responses.create(model=eye, input=prompt(tokens=5), previous_response_id=first.id)
    assert second.output_text == spoken(5)
    with pytest.raises(openai.ConflictError):
        client.files.delete(image.id)
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)
