"""A program's exchange in a chat, and what it says about a chat that it does not know (B80)."""

import json

import pytest

from chatapp.chats.models import Message, MessageState, Role, Session
from chatapp.openai import retention
from chatapp.openai.models import Exchange
from runs.errors import TooManySends
from runs.lifecycle import transitions
from runs.models import Run
from runs.states import Status
from runs.upstream.request import build_request

CALL = {"id": "call_w", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}


@pytest.fixture
def chat(alice, model):
    return Session.objects.create(owner=alice)


@pytest.fixture
def page(alice):
    """Sends a message as a page does, with an answer."""
    from runs.actions import send

    def say(session, text, answer):
        return finish(send(session, text, user=alice), answer)

    return say


def finish(run: Run, answer: str = "", tools=(), state=MessageState.COMPLETE) -> Run:
    """Give a run its end and its answer, without a worker."""
    transitions.stop(run.pk)
    Message.objects.filter(pk=run.message_id).update(content=answer, tools=list(tools), state=state)
    Run.objects.filter(pk=run.pk).update(status=Status.COMPLETED, reason="")
    run.refresh_from_db()
    return run


def respond(program, text, chat, **values) -> Run:
    body = {"input": text, "background": True, "conversation": f"conv_{chat.pk.hex}", **values}
    response = program.ask("POST", "responses", body)
    assert response.status_code == 200, response.content
    assert response.json()["conversation"] == {"id": f"conv_{chat.pk.hex}"}
    return Run.objects.get(pk=response.json()["id"].removeprefix("resp_"))


def sent(run: Run) -> list[tuple]:
    """Role and content of the messages that go upstream."""
    run = Run.objects.select_related("session", "message", "model__provider").get(pk=run.pk)
    transitions.attach_to_branch(run.message)
    run.message.refresh_from_db()
    return [(message["role"], message["content"]) for message in build_request(run).payload["messages"]]


def test_a_response_in_a_conversation_is_the_next_exchange_of_the_chat(program, page, chat):  # B80
    page(chat, "What is a wren?", "A bird.")
    run = respond(program, "And a tit?", chat, instructions="Be brief.", temperature=0.5)
    assert (run.session, run.message.parent.content) == (chat, "And a tit?")
    assert sent(run) == [
        ("system", "Be brief."),
        ("user", "What is a wren?"),
        ("assistant", "A bird."),
        ("user", "And a tit?"),
    ]
    finish(run, "Another bird.")
    # It should be a chat that a person goes on with; what the program set is for its own request.
    chat.refresh_from_db()
    later = page(chat, "Thanks", "")
    assert sent(later)[1:] == [
        ("assistant", "A bird."),
        ("user", "And a tit?"),
        ("assistant", "Another bird."),
        ("user", "Thanks"),
    ]
    assert "temperature" not in build_request(later).payload
    assert list(Exchange.objects.values_list("run", flat=True)) == [run.pk]


@pytest.mark.parametrize("form", [str, lambda pk: {"id": str(pk)}, lambda pk: {"id": f"conv_{pk.hex}"}])
def test_a_conversation_goes_by_each_form_of_its_id(program, chat, form):
    body = {"input": "Hello", "background": True, "conversation": form(chat.pk)}
    assert program.ask("POST", "responses", body).status_code == 200
    assert chat.runs.count() == 1


@pytest.mark.parametrize("path", ["responses", "chat/completions"])
@pytest.mark.parametrize("name", ["conversation", "metadata.session"])
def test_a_conversation_that_is_not_ones_own_is_not_found(program, stranger, chat, path, name):  # B55
    for person, id in ((stranger, str(chat.pk)), (program, "conv_" + "0" * 32), (program, "x")):
        body = {"input": "Hello", "background": True} if path == "responses" else {"messages": [user("Hello")]}
        body |= {"conversation": id} if name == "conversation" else {"metadata": {"session": id}}
        response = person.ask("POST", path, body)
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["param"]) == (404, "conversation_not_found", name)
    assert not Run.objects.exists()


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def test_a_history_is_matched_and_its_end_appended(program, page, chat):
    page(chat, "What is a wren?", "A bird.")
    history = [
        {"role": "system", "content": "Be brief."},
        user("What is a wren?"),
        assistant("A bird."),
        user("And a tit?"),
    ]
    run = respond_with_history(program, chat, history)
    assert (run.message.parent.content, run.message.parent.prompt) == ("And a tit?", None)
    assert [content for _, content in sent(run)] == ["Be brief.", "What is a wren?", "A bird.", "And a tit?"]


def respond_with_history(program, chat, history, status=200, **headers):
    body = {"input": history, "background": True, "metadata": {"session": str(chat.pk)}}
    response = program.ask("POST", "responses", body, **headers)
    assert response.status_code == status, response.content
    if status != 200:
        return response.json()["error"]
    return Run.objects.get(pk=response.json()["id"].removeprefix("resp_"))


def test_a_history_that_differs_is_refused_and_told_where(program, page, chat):
    page(chat, "What is a wren?", "A bird.")
    page(chat, "Thanks", "You are welcome.")
    for history in (
        [user("What is a wren?"), assistant("A fish."), user("Why?")],
        [user("What is a wren?"), assistant("A bird."), user("And a tit?")],
        [user("And a tit?")],
    ):
        error = respond_with_history(program, chat, history, 409)
        assert (error["code"], error["param"]) == ("conversation_mismatch", "messages")
        assert "has 4 messages" in error["message"]
    assert chat.messages.count() == 4


def test_a_client_that_tries_again_asks_for_the_same_answer_again(program, page, chat):
    run = page(chat, "What is a wren?", "")
    again = respond_with_history(program, chat, [user("What is a wren?")])
    assert (again.message.parent, chat.messages.filter(role=Role.USER).count()) == (run.message.parent, 1)
    assert again.message != run.message


def test_tool_results_go_back_as_they_are_and_are_read_in_words(program, chat):
    tools = [{"type": "function", "name": "weather", "parameters": {}}]
    run = respond(program, "Weather in Bern?", chat, tools=tools)
    finish(run, "", [{"index": 0, "id": "call_w", **CALL["function"]}])
    output = {"type": "function_call_output", "call_id": "call_w", "output": "cold"}
    last = respond(program, [output], chat, tools=tools)
    assert last.message.parent.content == "Result of weather:\n\ncold"
    assert sent(last) == [("user", "Weather in Bern?"), ("assistant", None), ("tool", "cold")]
    # A person's request has no tools: servers refuse calls without them.
    finish(last, "It is cold.")
    chat.refresh_from_db()
    from runs.actions import send

    assert sent(send(chat, "Thanks", user=chat.owner)) == [
        ("user", "Weather in Bern?"),
        ("assistant", 'Called weather: {"city": "Bern"}'),
        ("user", "Result of weather:\n\ncold"),
        ("assistant", "It is cold."),
        ("user", "Thanks"),
    ]


def test_the_result_of_no_call_is_refused(program, page, chat):
    page(chat, "Hi", "Hello.")
    body = {
        "input": [{"type": "function_call_output", "call_id": "call_x", "output": "cold"}],
        "conversation": str(chat.pk),
    }
    response = program.ask("POST", "responses", body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "conversation")


def test_a_whole_history_begins_an_empty_chat(program, chat):
    calling = [
        user("Weather?"),
        {"type": "function_call", "call_id": "call_w", **CALL["function"]},
        {"type": "function_call_output", "call_id": "call_w", "output": "cold"},
        assistant("It is cold."),
        user("Thanks"),
    ]
    run = respond_with_history(program, chat, calling)
    assert sent(run) == [
        ("user", "Weather?"),
        ("assistant", None),
        ("tool", "cold"),
        ("assistant", "It is cold."),
        ("user", "Thanks"),
    ]
    finish(run, "Bye")
    # It should know them again.
    assert sent(respond_with_history(program, chat, [*calling, assistant("Bye"), user("?")]))[-2:] == [
        ("assistant", "Bye"),
        ("user", "?"),
    ]


def test_a_conversation_answers_one_request_at_a_time(program, chat):  # B16
    respond(program, "one", chat)
    response = program.ask("POST", "responses", {"input": "two", "conversation": str(chat.pk)})
    assert (response.status_code, response.json()["error"]["code"]) == (409, "conversation_locked")
    assert chat.messages.filter(role=Role.USER).count() == 1


def test_a_request_that_is_sent_twice_with_a_key_is_one_exchange(program, chat):  # B21
    body = {"input": "one", "background": True, "conversation": str(chat.pk)}
    first, second = (program.ask("POST", "responses", body, **{"Idempotency-Key": "k"}).json() for _ in range(2))
    assert first["id"] == second["id"]
    other = program.ask("POST", "responses", body | {"input": "two"}, **{"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"metadata": {"session": "x"}}, "conversation"),
        ({"conversation": 5}, "conversation"),
        ({"conversation": {}}, "conversation.id"),
        ({"input": [assistant("Hello")]}, "conversation"),
    ],
)
def test_what_makes_no_sense_is_refused(program, chat, more, param):
    body = {"input": "Hello", "background": True, "conversation": str(chat.pk)} | more
    response = program.ask("POST", "responses", body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("history", [["one"], ["one", "1", "two"]])
def test_what_programs_ask_in_a_chat_is_counted_apart_from_what_people_send(program, page, chat, settings, history):
    """B57: another answer to the last question, and a new question."""
    page(chat, "one", "1")
    settings.USER_MAX_SENDS, settings.PROGRAM_MAX_SENDS = 2, 1
    turns = [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(history)]
    finish(respond_with_history(program, chat, turns), "2")
    chat.refresh_from_db()
    error = respond_with_history(program, chat, turns, 429)
    assert error["code"] == "too_many_sends"
    page(chat, "three", "3")
    with pytest.raises(TooManySends):
        page(chat, "four", "4")


def test_a_response_of_a_conversation_is_deleted_without_its_messages(program, chat):
    run = finish(respond(program, "one", chat), "1")
    assert (
        program.ask("POST", "responses", {"input": "two", "previous_response_id": f"resp_{run.pk.hex}"}).status_code
        == 400
    )
    assert program.ask("DELETE", f"responses/resp_{run.pk.hex}").status_code == 200
    assert program.ask("GET", f"responses/resp_{run.pk.hex}").status_code == 404
    assert [message.content for message in chat.messages.all()] == ["one", "1"]


def test_retention_keeps_the_messages_of_a_conversation(program, chat, settings, monkeypatch):
    for text in ("one", "two"):
        finish(respond(program, text, chat), text.upper())
    settings.RESPONSES_DAYS = 0.0000001
    monkeypatch.setattr(retention, "BATCH_EXCHANGES", 1)
    assert [retention.delete_due() for _ in range(3)] == [1, 1, 0]
    assert [message.content for message in chat.messages.all()] == ["one", "ONE", "two", "TWO"]
    assert not Exchange.objects.exists()


def test_conversations_are_chats(program, stranger, alice, model):
    items = [{"role": "system", "content": "Be brief."}, user("Hello"), assistant("Hi!")]
    made = program.ask("POST", "conversations", {"metadata": {"title": "Birds"}, "items": items}).json()
    chat = Session.objects.get(title="Birds", owner=alice, system_prompt="Be brief.", is_listed=True)
    assert (made["id"], made["object"], made["metadata"]) == (f"conv_{chat.pk.hex}", "conversation", {"title": "Birds"})
    assert program.ask("GET", f"conversations/{made['id']}").json() == made
    for method in ("GET", "POST", "DELETE"):
        response = stranger.ask(method, f"conversations/{made['id']}")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "conversation_not_found")
    page = program.ask("GET", f"conversations/{chat.pk}/items?order=asc").json()
    assert [(item["role"], item["content"][0]["text"]) for item in page["data"]] == [
        ("user", "Hello"),
        ("assistant", "Hi!"),
    ]
    assert sent(respond(program, "And?", chat))[:2] == [("system", "Be brief."), ("user", "Hello")]
    assert program.ask("POST", f"conversations/{chat.pk}", {"metadata": {"a": "b"}}).json()["metadata"] == {"a": "b"}
    assert program.ask("DELETE", f"conversations/{chat.pk}").json()["deleted"] is True
    assert not Session.objects.filter(pk=chat.pk).exists()
    assert (
        json.loads(program.ask("DELETE", f"conversations/{chat.pk}").content)["error"]["code"]
        == "conversation_not_found"
    )


def test_the_page_of_a_chat_shows_what_no_run_has_written(program, client, alice, model):
    items = [user("Hello"), assistant("Hi **there**!")]
    made = program.ask("POST", "conversations", {"items": items}).json()
    client.force_login(alice)
    chat = Session.objects.get()
    response = client.get(f"/chats/{chat.pk}")
    assert response.status_code == 200, (made, response)
    assert "there" in response.content.decode()


def add(program, chat, *items, status=200):
    response = program.ask("POST", f"conversations/{chat.pk}/items", {"items": list(items)})
    assert response.status_code == status, response.content
    return response.json()


def listed(program, chat):
    page = program.ask("GET", f"conversations/{chat.pk}/items?order=asc").json()
    return [item["content"][0]["text"] if "content" in item else item["type"] for item in page["data"]]


def test_what_was_said_elsewhere_is_added_piece_by_piece(program, chat):
    """As the Agents SDK does: the question, the call, its result, the answer."""
    added = add(program, chat, user("Weather?"))
    assert [item["role"] for item in added["data"]] == ["user"]
    assert not chat.messages.exists(), "a question without its answer is on no page"
    assert listed(program, chat) == ["Weather?"]
    add(program, chat, {"type": "function_call", "call_id": "call_w", **CALL["function"]})
    add(program, chat, {"type": "function_call_output", "call_id": "call_w", "output": "cold"})
    assert chat.messages.count() == 2
    [answer] = add(program, chat, assistant("It is cold."))["data"]
    assert listed(program, chat) == ["Weather?", "function_call", "function_call_output", "It is cold."]
    item = program.ask("GET", f"conversations/{chat.pk}/items/{answer['id']}").json()
    assert item == program.ask("GET", f"conversations/{chat.pk}/items?limit=1").json()["data"][0]
    missed = program.ask("GET", f"conversations/{chat.pk}/items/msg_1")
    assert (missed.status_code, missed.json()["error"]["code"]) == (404, "item_not_found")


def test_a_question_that_waits_goes_before_the_one_that_is_asked(program, chat):
    add(program, chat, user("I am in Bern."))
    run = respond(program, "Weather?", chat)
    assert run.message.parent.content == "I am in Bern.\n\nWeather?"
    assert [content for _, content in sent(run)] == ["I am in Bern.", "Weather?"]
    busy = add(program, chat, user("?"), status=409)
    assert busy["error"]["code"] == "conversation_locked"


def test_a_history_has_what_waits_or_is_another_one(program, chat):
    add(program, chat, user("I am in Bern."))
    error = respond_with_history(program, chat, [user("Weather?")], 409)
    assert error["code"] == "conversation_mismatch"
    run = respond_with_history(program, chat, [user("I am in Bern."), user("Weather?")])
    assert [content for _, content in sent(run)] == ["I am in Bern.", "Weather?"]


def test_what_cannot_be_added_is_refused(program, stranger, chat):
    assert add(program, chat, assistant("Hi"), status=400)["error"]["param"] == "items"
    output = {"type": "function_call_output", "call_id": "call_x", "output": "cold"}
    assert add(program, chat, output, status=400)["error"]["param"] == "items"
    assert add(stranger, chat, user("Hi"), status=404)["error"]["code"] == "conversation_not_found"
    assert add(program, chat, *[user("Hi")] * 21, status=400)["error"]["param"] == "items"
    assert listed(program, chat) == []
